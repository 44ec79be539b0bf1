package reactor.ffi;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The largest knot of each package. A knot is a set of top-level classes each of which knows, directly or through others of the
 * set, all the others: the strongly connected components of the byte code's dependencies, found by Tarjan's algorithm.
 */
final class Knots {

    private final Map<String, Set<String>> knows = new TreeMap<>();
    private final Map<String, Integer> index = new HashMap<>();
    private final Map<String, Integer> low = new HashMap<>();
    private final Deque<String> open = new ArrayDeque<>();
    private Set<String> largest = Set.of();

    private Knots() {}

    /** Returns the classes of the largest knot in a package; those of the package itself, not of packages below. */
    static Set<String> largest(JavaClasses classes, String room) {
        Knots knots = new Knots();
        for (JavaClass type : classes) {
            if (type.getPackageName().equals(room)) {
                Set<String> known = knots.knows.computeIfAbsent(topLevel(type), _ -> new TreeSet<>());
                for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
                    JavaClass target = dependency.getTargetClass().getBaseComponentType();
                    if (target.getPackageName().equals(room)) {
                        known.add(topLevel(target));
                    }
                }
            }
        }
        knots.knows.keySet().forEach(type -> {
            if (!knots.index.containsKey(type)) {
                knots.visit(type);
            }
        });
        return knots.largest;
    }

    private static String topLevel(JavaClass type) {
        String name = type.getName().substring(type.getPackageName().length() + 1);
        int nested = name.indexOf('$');
        return nested < 0 ? name : name.substring(0, nested);
    }

    private void visit(String type) {
        int number = index.size();
        index.put(type, number);
        low.put(type, number);
        open.push(type);
        for (String known : knows.getOrDefault(type, Set.of())) {
            if (!index.containsKey(known)) {
                visit(known);
                low.merge(type, low.get(known), Math::min);
            } else if (open.contains(known)) {
                low.merge(type, index.get(known), Math::min);
            }
        }
        if (low.get(type) == number) {
            Set<String> knot = new TreeSet<>();
            String member;
            do {
                member = open.pop();
                knot.add(member);
            } while (!member.equals(type));
            if (knot.size() > largest.size()) {
                largest = knot;
            }
        }
    }
}
