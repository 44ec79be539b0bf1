package reactor.ffi.internal.ring;

/** What a producer does that finds no room in the ring. */
public enum WhenFull {
    /** The call is counted and dropped. */
    DROP,
    /** The call is counted, and the ring is closed, so that no call follows the gap. */
    CLOSE,
    /** The producer waits for room; at its limit, or where it must not wait, it does as with {@link #CLOSE}. */
    WAIT
}
