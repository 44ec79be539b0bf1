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
 * The counters of each name. Names are the user's, and may be without end: kept are those that somebody counts under, which
 * are subscriptions, callbacks, and pointers that C may still call; of the rest the {@link #RECENT} that were used last.
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

    /** Called outside of the lock. */
    private final List<Predicate<String>> listeners = new CopyOnWriteArrayList<>();

    private static final class Counted extends WeakReference<SourceCounters> {

        final String name;

        Counted(SourceCounters counters, ReferenceQueue<SourceCounters> queue) {
            super(counters, queue);
            this.name = counters.name();
        }
    }

    private Names() {}

    /** The counters of all sources of one name: the same ones for as long as anybody holds them. */
    public static SourceCounters of(String name) {
        List<String> changed = new ArrayList<>(0);
        SourceCounters counters = ALL.use(name, changed);
        ALL.tell(changed);
        return counters;
    }

    /** Null if nothing is known of that name. */
    public static @Nullable SourceCounters find(String name) {
        return ALL.get(name);
    }

    /** All that are known. */
    public static List<SourceCounters> all() {
        return ALL.snapshot();
    }

    /**
     * Hears of each name that becomes known or is forgotten, on the thread that uses a new name; {@link #find} tells which of
     * the two it is.
     *
     * @param listener must not throw; no longer called once it returns false
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
