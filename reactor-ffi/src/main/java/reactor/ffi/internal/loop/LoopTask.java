package reactor.ffi.internal.loop;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;

/**
 * A task of the loop: at once, delayed, or periodic. Whoever wins the CAS that takes it out of NEW decides what becomes of
 * it: the loop's thread runs it, anybody else cancels it. A task that runs is not interrupted by a cancel: the thread may
 * be inside native code, and the next task is somebody else's.
 */
final class LoopTask extends MpscQueue.Item implements Disposable {

    /** The {@code period} of a task that runs once. */
    static final long ONCE = -1;

    private static final int NEW = 0;
    private static final int RUNNING = 1;
    private static final int DONE = 2;
    private static final int CANCELLED = 3;

    private static final VarHandle STATE = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "state", VarHandle.class, LoopTask.class, int.class);

    /** The loop's own work: runs even when what users had queued is dropped. */
    final boolean internal;

    /** In ns: {@link #ONCE}, zero for "again at once, behind what is queued", or the distance of two runs. */
    final long period;

    private final Timers timers;
    private final @Nullable Composite parent;

    /** Null once nobody will run it any more: of whoever moved {@code state} to its last value. */
    private @Nullable Runnable body;

    private volatile int state;

    /** When it is due, in nanoTime. Set before it is queued, then of the loop's thread. Unused if it is not delayed. */
    long due;

    /** Tasks that are due at the same time run in the order in which they arrived. Loop's thread only. */
    long order;

    LoopTask(Timers timers, Runnable body, @Nullable Composite parent, boolean internal, long period) {
        this.timers = timers;
        this.body = body;
        this.parent = parent;
        this.internal = internal;
        this.period = period;
    }

    /** Before it is queued. */
    void dueIn(long nanos) {
        due = System.nanoTime() + Math.min(nanos, Long.MAX_VALUE >> 1) | 1; // not zero, which says: not delayed
    }

    /** Loop's thread only. True if it is to be run again. */
    boolean run() {
        Runnable run = body;
        if (run == null || !STATE.compareAndSet(this, NEW, RUNNING)) {
            return false;
        }
        boolean threw = false;
        try {
            run.run();
        } catch (Throwable e) {
            threw = true;
            Errors.report(e);
        }
        // As Reactor's: a periodic task goes on after an error, one without a period does not.
        if ((period > 0 || (period == 0 && !threw)) && STATE.compareAndSet(this, RUNNING, NEW)) {
            return true;
        }
        body = null;
        if (STATE.compareAndSet(this, RUNNING, DONE)) {
            leaveParent();
        }
        return false;
    }

    /** Takes it out before it runs; false if it has begun, or is over. */
    boolean withdraw() {
        if (!STATE.compareAndSet(this, NEW, CANCELLED)) {
            return false;
        }
        body = null;
        leaveParent();
        return true;
    }

    /** A periodic task goes to and fro between NEW and RUNNING: whoever cancels it tries until it meets it in one of the two. */
    @Override
    public void dispose() {
        while (!isDisposed()) {
            if (withdraw()) {
                if (due != 0) {
                    timers.cancelled();
                }
            } else if (STATE.compareAndSet(this, RUNNING, CANCELLED)) { // it cleans up itself when this run ends
                leaveParent();
            }
        }
    }

    /** Cancelled, or run for the last time. */
    @Override
    public boolean isDisposed() {
        return state >= DONE;
    }

    private void leaveParent() {
        if (parent != null) {
            parent.remove(this);
        }
    }
}
