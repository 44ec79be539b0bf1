package reactor.ffi;

import reactor.ffi.internal.upcall.Stubs;

/**
 * The function pointers of the whole JVM, which are made once and used again and again. A snapshot.
 *
 * @param stubs pointers that exist, live, free and in quarantine. This never goes down; its ceiling is
 *     an eighth of the JVM's code cache, at most 16,384, or the system property {@code reactor.ffi.stubs.limit}
 * @param quarantined pointers of callbacks that have ended, which are not used again yet, because native code may still call
 *     them
 * @param reusedEarly how often one was used again before its quarantine was over, by a source that had many, or
 *     because there could be no more
 */
public record PoolMetrics(int stubs, int quarantined, long reusedEarly) {

    /**
     * Reads the counters of the pool.
     *
     * @return a snapshot
     */
    public static PoolMetrics now() {
        return new PoolMetrics(Stubs.created(), Stubs.quarantined(), Stubs.reusedEarly());
    }
}
