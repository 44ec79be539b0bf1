package reactor.ffi;

import reactor.ffi.internal.upcall.Lives;
import reactor.ffi.internal.upcall.Routes;
import reactor.ffi.internal.upcall.Stubs;

/** A snapshot of the pool of function pointers of the whole JVM, which are made once and reused. */
public final class PoolMetrics {

    private final int stubs;
    private final int quarantined;
    private final long reusedEarly;
    private final long unknown;

    private PoolMetrics() {
        this.stubs = Stubs.created();
        this.quarantined = Stubs.quarantined() + Lives.quarantined();
        this.reusedEarly = Stubs.reusedEarly();
        this.unknown = Routes.unknown();
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
     * Returns how many pointers exist: live, free and in quarantine.
     *
     * @return how many; this never goes down. Its ceiling is an eighth of the JVM's code cache, at most 16,384, or the system
     *     property {@code reactor.ffi.stubs.limit}
     */
    public int stubs() {
        return stubs;
    }

    /**
     * Returns how many pointers of ended callbacks are not reused yet, because native code may still call them. Ended user data
     * counts too whose fallback or arena late calls may need.
     *
     * @return how many
     */
    public int quarantined() {
        return quarantined;
    }

    /**
     * Returns how often a pointer was reused before its quarantine was over, by a source that had many, or because no
     * more could be made.
     *
     * @return how often
     */
    public long reusedEarly() {
        return reusedEarly;
    }

    /**
     * Returns how many calls of shared pointers, see {@link CallbackType#userData}, came with user data of no callback: NULL,
     * something else than {@link NativeSink#userData}, or that of a callback that ended and whose place is another's by now.
     * These calls got the zero of the result.
     *
     * @return how many
     */
    public long unknown() {
        return unknown;
    }

    @Override
    public String toString() {
        return "PoolMetrics[stubs=" + stubs + ", quarantined=" + quarantined + ", reusedEarly=" + reusedEarly
                + ", unknown=" + unknown + "]";
    }
}
