package reactor.ffi.internal.life;

/** The count that a user moves with ref and unref, of a scheduler or of a callback. Any thread. */
public final class Refs {

    private final Hold hold;

    /** Never below zero. Guarded by this. */
    private int count;

    /**
     * A count of zero.
     *
     * @param hold holds the JVM while the count is above zero
     */
    public Refs(Hold hold) {
        this.hold = hold;
    }

    /**
     * Adds one.
     *
     * @return the new count; zero if the scheduler has ended, and nothing was added
     */
    public synchronized int ref() {
        if (count == Integer.MAX_VALUE) {
            throw new IllegalStateException("more than " + Integer.MAX_VALUE + " refs; a ref without its unref?");
        }
        if (hold.hasEnded() || (count == 0 && !hold.add())) {
            return 0;
        }
        return ++count;
    }

    /**
     * Takes one away, if there is any.
     *
     * @return the new count
     */
    public synchronized int unref() {
        if (count > 0 && --count == 0) {
            hold.remove();
        }
        return count();
    }

    /**
     * The count.
     *
     * @return zero or more; zero once the scheduler has ended
     */
    public synchronized int count() {
        return hold.hasEnded() ? 0 : count;
    }

    /** Takes back all that is left. */
    public synchronized void clear() {
        count = Math.min(count, 1);
        int ignored = unref();
    }
}
