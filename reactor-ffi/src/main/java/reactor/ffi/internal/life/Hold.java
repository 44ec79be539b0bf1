package reactor.ffi.internal.life;

import org.jspecify.annotations.Nullable;

/**
 * What the {@link Refs} of one scheduler hold together, its own and those of the callbacks on it: one token of
 * {@link KeepAlive} while any of these counts is above zero. The end of the scheduler gives the token back, whatever the
 * counts are. Any thread.
 */
public final class Hold {

    /** How many counts are above zero. Guarded by this. */
    private int holders;

    /** There while {@code holders} is above zero and the scheduler has not ended. Guarded by this. */
    private KeepAlive.@Nullable Token token;

    /** Nothing is held any more, and never will be. Written under the lock. */
    private volatile boolean ended;

    /** One count is above zero from now on; false if the scheduler has ended. */
    synchronized boolean add() {
        if (ended) {
            return false;
        }
        if (token == null) {
            token = KeepAlive.acquire();
        }
        holders++;
        return true;
    }

    /** One count has come to zero. */
    synchronized void remove() {
        if (--holders == 0) {
            giveBack();
        }
    }

    /** The scheduler has ended: all counts are zero, and stay there. */
    public synchronized void end() {
        ended = true;
        giveBack();
    }

    boolean hasEnded() {
        return ended;
    }

    private void giveBack() {
        if (token != null) {
            token.release();
            token = null;
        }
    }
}
