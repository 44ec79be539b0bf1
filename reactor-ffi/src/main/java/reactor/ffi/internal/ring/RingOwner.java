package reactor.ffi.internal.ring;

/** Who consumes a ring, as the ring sees it. Called by any thread. Must not throw. */
public interface RingOwner {

    /** There may be records, or the ring has been closed by a producer. */
    void signal();

    /** Returns a number of the time during which the consumer's thread may not come to the ring, or zero if it may. */
    default long absence() {
        return 0;
    }
}
