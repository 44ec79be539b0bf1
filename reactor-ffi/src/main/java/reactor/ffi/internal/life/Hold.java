package reactor.ffi.internal.life;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.jspecify.annotations.Nullable;

/**
 * The one token of {@link KeepAlive} that the {@link Refs} of a scheduler, its own and those of the callbacks on it,
 * hold together while any of these counts is above zero. The end of the scheduler gives the token back, whatever the
 * counts are. All methods may be called from any thread.
 */
public final class Hold {

    /** How many counts are above zero. */
    @GuardedBy("this")
    private int holders;

    /** There while {@code holders} is above zero and the scheduler has not ended. */
    @GuardedBy("this")
    private KeepAlive.@Nullable Token token;

    /** Whether nothing is held any more, and never will be. Written under the lock of this, read by any thread. */
    private volatile boolean ended;

    /** Adds a count that is above zero from now on. Returns false, and adds nothing, if the scheduler has ended. */
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

    /** Removes a count that has come to zero. */
    synchronized void remove() {
        if (--holders == 0) {
            giveBack();
        }
    }

    /** Gives the token back for good, at the end of the scheduler: all counts are zero, and stay zero. */
    public synchronized void end() {
        ended = true;
        giveBack();
    }

    boolean hasEnded() {
        return ended;
    }

    @GuardedBy("this")
    private void giveBack() {
        if (token != null) {
            token.release();
            token = null;
        }
    }
}
