package reactor.ffi.internal.loop;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;

/**
 * A task of the loop: at once, delayed, or periodic. The thread that wins the CAS which takes a task out of NEW
 * decides what becomes of the task: the loop's thread runs it, any other thread cancels it. A cancel does not
 * interrupt a task that runs: the thread may be inside native code, and the next task is another user's.
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

    /** Whether the task is the library's own: such a task runs even when the queued tasks of users are dropped. */
    final boolean internal;

    /** In ns: {@link #ONCE}, zero for "again at once, behind what is queued", or the distance of two runs. */
    final long period;

    private final Timers timers;
    private final @Nullable Composite parent;

    /**
     * What the task runs; null once no thread will run the task any more. Written by the thread that moved
     * {@code state} to its last value.
     */
    private @Nullable Runnable body;

    private volatile int state;

    /**
     * When the task is due, in nanoTime; zero if it is not delayed. Written before the task is queued, then by
     * the loop's thread only.
     */
    long due;

    /**
     * The rank among tasks that are due at the same time, which run in the order of their arrival. Accessed by
     * the loop's thread only.
     */
    long order;

    LoopTask(Timers timers, Runnable body, @Nullable Composite parent, boolean internal, long period) {
        this.timers = timers;
        this.body = body;
        this.parent = parent;
        this.internal = internal;
        this.period = period;
    }

    /** Sets when the task is due. Called before the task is queued. */
    void dueIn(long nanos) {
        due = System.nanoTime() + Math.min(nanos, Long.MAX_VALUE >> 1) | 1; // not zero, which says: not delayed
    }

    /** Runs the task; returns whether it is to be run again. Loop's thread only. */
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

    /** Cancels the task before it runs; returns false if the task has begun, or is over. */
    boolean withdraw() {
        if (!STATE.compareAndSet(this, NEW, CANCELLED)) {
            return false;
        }
        body = null;
        leaveParent();
        return true;
    }

    /**
     * Cancels the task. A periodic task goes to and fro between NEW and RUNNING, so a cancel tries until it
     * meets the task in one of these states.
     */
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

    /** Returns whether the task was cancelled, or run for the last time. */
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
