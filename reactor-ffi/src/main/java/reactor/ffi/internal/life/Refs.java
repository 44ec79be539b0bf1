package reactor.ffi.internal.life;

import com.google.errorprone.annotations.concurrent.GuardedBy;

/**
 * The reference count of a scheduler or of a callback, which users move with ref and unref. All methods may be called
 * from any thread.
 */
public final class Refs {

    private final Hold hold;

    /** Never below zero. */
    @GuardedBy("this")
    private int count;

    /**
     * Makes a count of zero.
     *
     * @param hold keeps the JVM up while the count is above zero
     */
    public Refs(Hold hold) {
        this.hold = hold;
    }

    /**
     * Adds one to the count.
     *
     * @return the new count; zero if the scheduler has ended: then nothing was added
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
     * Takes one from the count, unless the count is zero.
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
     * Returns the count.
     *
     * @return zero or more; zero once the scheduler has ended
     */
    public synchronized int count() {
        return hold.hasEnded() ? 0 : count;
    }

    /** Sets the count to zero. */
    public synchronized void clear() {
        count = Math.min(count, 1);
        int ignored = unref();
    }
}
