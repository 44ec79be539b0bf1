package reactor.ffi.internal.ring;

/** Who counts the calls of a listener that were not taken. */
public interface CallCounts {

    /**
     * So many more of them. Any thread.
     *
     * @param full found the ring full
     * @param late found it closed, or reached another life of the ring
     */
    void notTaken(long full, long late);
}
