package reactor.ffi.internal.call;

import static java.util.Objects.requireNonNull;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.ffi.Exchange;
import reactor.ffi.internal.Awaited;
import reactor.ffi.internal.loop.LoopThread;
import reactor.ffi.internal.loop.Watch;

/** An exchange: the question, and the native thread that waits for the answer. */
final class OpenExchange<Q, R extends @Nullable Object> implements Exchange<Q, R>, Awaited {

    private static final int OPEN = 0;

    /** A thread is writing the answer. */
    private static final int ANSWERING = 1;

    private static final int ANSWERED = 2;

    /** The caller returns the fallback. */
    private static final int REFUSED = 3;

    private static final VarHandle STATE = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "state", VarHandle.class, OpenExchange.class, int.class);

    private final Q request;
    private final String name;
    private final @Nullable Consumer<? super Throwable> onError;
    private final long limit;
    private final long start = System.nanoTime();
    private final Thread caller = Thread.currentThread();

    /** Leaves OPEN by one compare-and-set: of the first answer, the first refusal, or the limit. */
    @SuppressWarnings("unused") // STATE
    private volatile int state;

    private @Nullable R answer;

    OpenExchange(Q request, String name, @Nullable Consumer<? super Throwable> onError, long limit) {
        this.request = request;
        this.name = name;
        this.onError = onError;
        this.limit = limit;
    }

    @Override
    public Q request() {
        return request;
    }

    @Override
    public boolean reply(R reply) {
        if (!STATE.compareAndSet(this, OPEN, ANSWERING)) {
            return false;
        }
        answer = reply;
        state = ANSWERED;
        LockSupport.unpark(caller);
        return true;
    }

    @Override
    public boolean fail(Throwable error) {
        requireNonNull(error, "error");
        boolean first = refuse();
        Answers.report(onError, error, true);
        return first;
    }

    @Override
    public boolean refuse() {
        if (!STATE.compareAndSet(this, OPEN, REFUSED)) {
            return false;
        }
        LockSupport.unpark(caller);
        return true;
    }

    // ---- the caller

    @Override
    public long nanosLeft() {
        return limit - waited();
    }

    private long waited() {
        return System.nanoTime() - start;
    }

    @Override
    public void timedOut() {
        if (refuse()) {
            Answers.report(
                    onError,
                    new TimeoutException("an exchange of " + name + " was not answered within "
                            + TimeUnit.NANOSECONDS.toMillis(limit) + " ms"),
                    true);
        }
    }

    /**
     * Waits for the answer; returns the fallback if the exchange was refused or the limit has passed. Uninterruptible:
     * the flag is remembered and set again.
     */
    R await(R fallback, LoopThread thread) {
        long warnAt = thread.warnAfterNanos();
        boolean interrupted = false;
        while (state < ANSWERED) {
            long waited = waited();
            if (waited >= limit) {
                timedOut();
            }
            if (waited >= warnAt) {
                warnAt = Long.MAX_VALUE;
                Watch.warn("The wait for an answer of " + name, caller, thread, waited);
            }
            if (state < ANSWERED) {
                LoopThread.parkNanos(this, Math.max(1_000, Math.min(limit, warnAt) - waited));
                interrupted |= Thread.interrupted();
            }
        }
        if (interrupted) {
            caller.interrupt();
        }
        return answered(fallback);
    }

    @SuppressWarnings("NullAway") // R says whether an answer may be null
    private R answered(R fallback) {
        return state == ANSWERED ? answer : fallback;
    }

    @Override
    public String toString() {
        return "Exchange[" + name + ", " + request + "]";
    }
}
