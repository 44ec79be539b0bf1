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

    /** Out of WAITING by CAS: whoever claims it runs it, and a call that was withdrawn is never run. */
    volatile int state;

    /** The caller sleeps, or is about to: it writes this, fences, and looks once more at what it waits for. */
    private volatile boolean parked;

    /** Whether the caller has slept. Accessed by the caller only. */
    private boolean slept;

    /** Whether too many callers waited already. Accessed by the caller only. */
    private boolean refused;

    /** For a call of the calling thread. */
    protected TurnCall() {}

    /** The call. Under the turn. What it throws is reported as a task's error is; the call counts as run. */
    protected abstract void run();

    /** The caller is about to sleep, for the first time. On its thread. */
    protected void sleeps() {}

    /** The call is over, and its caller goes on. On its thread, after {@link #sleeps}. */
    protected void awoke() {}

    /** Whether it was not run because too many callers waited already. On the caller's thread, when it is over. */
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

    /** After {@link #claim()}, by whoever claimed it. */
    final void perform() {
        try {
            run();
        } catch (Throwable e) {
            Errors.report(e);
        }
        STATE.setRelease(this, DONE);
        wake();
    }

    /** Something that the caller waits for has changed. */
    final void wake() {
        VarHandle.fullFence();
        if (parked && caller != Thread.currentThread()) {
            LockSupport.unpark(caller);
        }
    }

    /** By the caller, instead of waiting. */
    final void refuse() {
        refused = true;
    }

    /** By the caller: the call is over. */
    final void over() {
        if (slept) {
            awoke();
        }
    }

    /** By the caller: says that it is about to sleep. */
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
