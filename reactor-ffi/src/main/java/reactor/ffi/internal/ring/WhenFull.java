package reactor.ffi.internal.ring;

/** What a producer does that finds no room in the ring. */
public enum WhenFull {
    /** The call is counted and dropped. */
    DROP(0),
    /** The call is counted, and the ring is closed, so that no call follows the gap. */
    CLOSE(1),
    /** The producer waits for room; at its limit, or where it must not wait, it does as with {@link #CLOSE}. */
    WAIT(2);

    /** How machine code knows it. */
    final int number;

    WhenFull(int number) {
        this.number = number;
    }
}
