package reactor.ffi.internal.upcall;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** The calls of a source that did not reach a handler, or that a handler failed. Outlives the source: late calls count here. */
public final class CallCounters {

    private static final Map<String, CallCounters> BY_NAME = new ConcurrentHashMap<>();

    // Not LongAdder: it allocates under contention, and what is counted may be an OutOfMemoryError.
    final AtomicLong failed = new AtomicLong();
    final AtomicLong late = new AtomicLong();
    final AtomicLong refused = new AtomicLong();

    /** Those of all sources of one name. */
    public static CallCounters named(String name) {
        return BY_NAME.computeIfAbsent(name, key -> new CallCounters());
    }

    /** Calls whose handler threw or returned what C cannot take. */
    public long failed() {
        return failed.get();
    }

    /** Calls on a pointer whose slot was already inert. */
    public long late() {
        return late.get();
    }

    /** Calls that were nested too deep, or did not get their turn. */
    public long refused() {
        return refused.get();
    }
}
