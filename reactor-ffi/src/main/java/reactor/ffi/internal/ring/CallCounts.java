package reactor.ffi.internal.ring;

/** Counts the calls of a listener that were not taken. */
public interface CallCounts {

    /**
     * Adds calls that were not taken. May be called from any thread.
     *
     * @param full how many calls found the ring full
     * @param late how many calls found the ring closed, or reached another life of the ring
     */
    void notTaken(long full, long late);
}
