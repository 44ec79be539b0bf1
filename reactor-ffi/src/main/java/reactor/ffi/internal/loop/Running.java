package reactor.ffi.internal.loop;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;

/**
 * The schedulers whose thread runs. A thread that runs holds its scheduler anyway, so this set holds no scheduler
 * for longer.
 */
public final class Running {

    private static final Set<LoopScheduler> ALL = ConcurrentHashMap.newKeySet();
    private static final List<Predicate<String>> LISTENERS = new CopyOnWriteArrayList<>();

    private Running() {}

    /**
     * Returns the schedulers whose thread runs now.
     *
     * @return a copy
     */
    public static List<LoopScheduler> all() {
        return List.copyOf(ALL);
    }

    /**
     * Adds a listener, which hears the name of each scheduler whose thread starts or ends, on that thread.
     *
     * @param listener must not throw; no longer called once it returns false
     */
    public static void listen(Predicate<String> listener) {
        LISTENERS.add(listener);
    }

    /** Never throws: a scheduler works without being counted, too. */
    static void add(LoopScheduler scheduler) {
        try {
            ALL.add(scheduler);
            tell(scheduler);
        } catch (Throwable e) { // no memory
            Errors.report(e);
        }
    }

    static void remove(LoopScheduler scheduler) {
        try {
            if (ALL.remove(scheduler)) {
                tell(scheduler);
            }
        } catch (Throwable e) {
            Errors.report(e);
        }
    }

    private static void tell(LoopScheduler scheduler) {
        LISTENERS.removeIf(listener -> !listener.test(scheduler.name()));
    }
}
