package reactor.ffi.internal.loop;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;

/**
 * A call whose caller waits for it: run once, under the turn of a scheduler, by the scheduler's thread or, while the turn is
 * lent, by the caller itself. Used once, by the thread that made it: {@link Callers#call}.
 */
@SuppressWarnings("ReferenceEquality") // a thread is the same one or another
public abstract non-sealed class TurnCall extends Requests.Request {

    private static final int WAITING = 0;
    private static final int CLAIMED = 1;
    static final int DONE = 2;
    private static final int WITHDRAWN = 3;

    private static final VarHandle STATE = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "state", VarHandle.class, TurnCall.class, int.class);

    private final Thread caller = Thread.currentThread();

    /** Leaves WAITING by CAS: the thread that claims the call runs it, and a call that was withdrawn is never run. */
    volatile int state;

    /**
     * Whether the caller sleeps, or is about to: the caller writes this, fences, and looks once more at what it
     * waits for.
     */
    private volatile boolean parked;

    /** Whether the caller has slept. Accessed by the caller only. */
    private boolean slept;

    /** Whether too many callers waited already. Accessed by the caller only. */
    private boolean refused;

    /** For a call of the calling thread. */
    protected TurnCall() {}

    /** Makes the call, under the turn. What this throws is reported as a task's error is; the call counts as run. */
    protected abstract void run();

    /** Called before the caller sleeps for the first time, on the caller's thread. */
    protected void sleeps() {}

    /** Called when the call is over and its caller goes on, on the caller's thread, after {@link #sleeps}. */
    protected void awoke() {}

    /**
     * Returns whether the call was not run because too many callers waited already. On the caller's thread,
     * when the call is over.
     */
    protected final boolean isRefused() {
        return refused;
    }

    /** Withdraws the call, if it has not begun, and sends its caller away. Any thread. */
    public final void abandon() {
        if (withdraw()) {
            wake();
        }
    }

    final boolean isWaiting() {
        return state == WAITING;
    }

    final boolean isDone() {
        return state == DONE;
    }

    final boolean isWithdrawn() {
        return state == WITHDRAWN;
    }

    final boolean claim() {
        return STATE.compareAndSet(this, WAITING, CLAIMED);
    }

    final boolean withdraw() {
        return STATE.compareAndSet(this, WAITING, WITHDRAWN);
    }

    /** Runs the call. By the thread that won {@link #claim()}. */
    final void perform() {
        try {
            run();
        } catch (Throwable e) {
            Errors.report(e);
        }
        STATE.setRelease(this, DONE);
        wake();
    }

    /** Wakes the caller: something that it waits for has changed. */
    final void wake() {
        VarHandle.fullFence();
        if (parked && caller != Thread.currentThread()) {
            LockSupport.unpark(caller);
        }
    }

    /** Says that too many callers wait already. By the caller, instead of waiting. */
    final void markRefused() {
        refused = true;
    }

    /** Says that the call is over. By the caller. */
    final void finishWait() {
        if (slept) {
            awoke();
        }
    }

    /** Says that the caller is about to sleep. By the caller. */
    final void announce() {
        if (!slept) {
            slept = true;
            sleeps();
        }
        parked = true;
        VarHandle.fullFence();
    }

    final void awake() {
        parked = false;
    }
}
