package reactor.ffi.lifetimes;

import reactor.ffi.CallbackMetrics;

/** What the library has counted of a name, or between two looks. */
record Counted(long delivered, long discarded, long reserved, long lateCalls, long failedCalls, long refusedCalls) {

    static Counted of(String name) {
        CallbackMetrics now = CallbackMetrics.of(name);
        return new Counted(
                now.delivered(),
                now.discarded(),
                now.reserved(),
                now.lateCalls(),
                now.failedCalls(),
                now.refusedCalls());
    }

    Counted minus(Counted before) {
        return new Counted(
                delivered - before.delivered,
                discarded - before.discarded,
                reserved - before.reserved,
                lateCalls - before.lateCalls,
                failedCalls - before.failedCalls,
                refusedCalls - before.refusedCalls);
    }
}
