package reactor.ffi.internal.upcall;

import java.util.concurrent.atomic.LongAdder;

/** The calls of a source that did not reach a handler, or that a handler failed. Outlives the source: late calls count here. */
public final class CallCounters {

    final LongAdder failed = new LongAdder();
    final LongAdder late = new LongAdder();
    final LongAdder refused = new LongAdder();

    /** Calls whose handler threw or returned what C cannot take. */
    public long failed() {
        return failed.sum();
    }

    /** Calls on a pointer whose slot was already inert. */
    public long late() {
        return late.sum();
    }

    /** Calls that were nested too deep. */
    public long refused() {
        return refused.sum();
    }
}
