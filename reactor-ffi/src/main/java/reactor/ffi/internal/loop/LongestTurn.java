package reactor.ffi.internal.loop;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;

/**
 * The longest of the turns that ended in the window of time that has begun last, or in the one before: a turn is forgotten
 * after one to two windows. All times are those of nanoTime.
 *
 * <p>The loop's thread writes {@code before}, then {@code begun}, then {@code longest}; a reader does so the other way
 * round. So a reader that meets the change of windows may see a maximum for a moment too long, and misses none.
 */
final class LongestTurn {

    static final long WINDOW = TimeUnit.MINUTES.toNanos(1);

    private static final VarHandle LONGEST = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "longest", VarHandle.class, LongestTurn.class, long.class);
    private static final VarHandle BEGUN = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "begun", VarHandle.class, LongestTurn.class, long.class);

    /** The longest turn of the current window. Written by the loop's thread, read by any thread. */
    private long longest;

    /** When the current window has begun. Written by the loop's thread, read by any thread. */
    private long begun;

    /** The longest turn of the window just before the current one. Written by the loop's thread, read by any thread. */
    private long before;

    LongestTurn(long now) {
        this.begun = now;
    }

    /** The loop's thread: a turn took so long, and ends now. */
    void record(long took, long now) {
        if (now - begun >= WINDOW) {
            before = now - begun < 2 * WINDOW ? longest : 0;
            BEGUN.setRelease(this, now);
            LONGEST.setRelease(this, took);
        } else if (took > longest) {
            LONGEST.setRelease(this, took);
        }
    }

    /** Any thread. */
    long at(long now) {
        long current = (long) LONGEST.getAcquire(this);
        long age = now - (long) BEGUN.getAcquire(this);
        return age < WINDOW ? Math.max(current, before) : age < 2 * WINDOW ? current : 0;
    }
}
