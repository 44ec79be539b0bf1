package reactor.ffi.internal.metrics;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The counters of each name. An application may make new names without end. So this class holds the counters of a name
 * weakly: a subscription, a callback, and a pointer that C may still call keep them. The counters of the {@link #RECENT} names
 * that were used last are kept besides.
 */
public final class Names {

    static final int RECENT = 256;

    private static final Names ALL = new Names();

    @GuardedBy("this")
    private final Map<String, Counted> known = new HashMap<>();

    @GuardedBy("this")
    @SuppressWarnings("serial") // nobody writes it
    private final Map<String, SourceCounters> recent = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, SourceCounters> eldest) {
            return size() > RECENT;
        }
    };

    private final ReferenceQueue<SourceCounters> forgotten = new ReferenceQueue<>();

    /** Called without the lock held. */
    private final List<Predicate<String>> listeners = new CopyOnWriteArrayList<>();

    private static final class Counted extends WeakReference<SourceCounters> {

        final String name;

        Counted(SourceCounters counters, ReferenceQueue<SourceCounters> queue) {
            super(counters, queue);
            this.name = counters.name();
        }
    }

    private Names() {}

    /** Returns the counters that all sources of a name share, and makes them if the name is not known. */
    public static SourceCounters of(String name) {
        List<String> changed = new ArrayList<>(0);
        SourceCounters counters = ALL.use(name, changed);
        ALL.tell(changed);
        return counters;
    }

    /** Returns the counters of a name, or null if the name is not known. */
    public static @Nullable SourceCounters find(String name) {
        return ALL.get(name);
    }

    /** Returns the counters of all names that are known. */
    public static List<SourceCounters> all() {
        return ALL.snapshot();
    }

    /** Returns the figures of a name; all zero if the name is not known. */
    public static SourceCounts counts(String name) {
        SourceCounters known = find(name);
        return (known == null ? new SourceCounters(name) : known).snapshot();
    }

    /** Returns the figures of all names that are known. */
    public static List<SourceCounts> counts() {
        return all().stream().map(SourceCounters::snapshot).toList();
    }

    /**
     * Adds a listener, which is called with each name that becomes known or is forgotten, on the thread that uses a new name.
     * {@link #find} tells whether the name is known.
     *
     * @param listener must not throw; removed once it returns false
     */
    public static void listen(Predicate<String> listener) {
        ALL.listeners.add(listener);
    }

    private synchronized SourceCounters use(String name, List<String> changed) {
        SourceCounters counters = get(name);
        if (counters == null) {
            forget(changed);
            counters = new SourceCounters(name);
            known.put(name, new Counted(counters, forgotten));
            changed.add(name);
        }
        recent.put(name, counters);
        return counters;
    }

    private synchronized @Nullable SourceCounters get(String name) {
        Counted counted = known.get(name);
        return counted == null ? null : counted.get();
    }

    private synchronized List<SourceCounters> snapshot() {
        List<SourceCounters> all = new ArrayList<>(known.size());
        for (Counted each : known.values()) {
            SourceCounters counters = each.get();
            if (counters != null) {
                all.add(counters);
            }
        }
        return all;
    }

    /** Removes the names whose counters were collected. */
    @GuardedBy("this")
    private void forget(List<String> changed) {
        for (Object gone = forgotten.poll(); gone != null; gone = forgotten.poll()) {
            String name = ((Counted) gone).name;
            if (known.remove(name, gone)) { // else it is known anew
                changed.add(name);
            }
        }
    }

    private void tell(List<String> changed) {
        for (String name : changed) {
            listeners.removeIf(listener -> !listener.test(name));
        }
    }
}
