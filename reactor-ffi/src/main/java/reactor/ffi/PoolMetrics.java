package reactor.ffi;

import reactor.ffi.internal.upcall.Stubs;

/** The function pointers of the whole JVM, which are made once and used again and again. A snapshot. */
public final class PoolMetrics {

    private final int stubs;
    private final int quarantined;
    private final long reusedEarly;

    private PoolMetrics() {
        this.stubs = Stubs.created();
        this.quarantined = Stubs.quarantined();
        this.reusedEarly = Stubs.reusedEarly();
    }

    /**
     * Reads the counters of the pool.
     *
     * @return a snapshot
     */
    public static PoolMetrics now() {
        return new PoolMetrics();
    }

    /**
     * Pointers that exist, live, free and in quarantine.
     *
     * @return how many; this never goes down. Its ceiling is an eighth of the JVM's code cache, at most 16,384, or the system
     *     property {@code reactor.ffi.stubs.limit}
     */
    public int stubs() {
        return stubs;
    }

    /**
     * Pointers of callbacks that have ended, which are not used again yet, because native code may still call them.
     *
     * @return how many
     */
    public int quarantined() {
        return quarantined;
    }

    /**
     * How often a pointer was used again before its quarantine was over, by a source that had many, or because there could be
     * no more.
     *
     * @return how often
     */
    public long reusedEarly() {
        return reusedEarly;
    }

    @Override
    public String toString() {
        return "PoolMetrics[stubs=" + stubs + ", quarantined=" + quarantined + ", reusedEarly=" + reusedEarly + "]";
    }
}
