package reactor.ffi.internal.call;

import java.lang.invoke.MethodHandle;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Operators;
import reactor.ffi.CallbackOptions;
import reactor.ffi.internal.loop.Errors;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.metrics.Names;
import reactor.ffi.internal.metrics.SourceCounters;
import reactor.ffi.internal.upcall.Callee;
import reactor.ffi.internal.upcall.Refusal;
import reactor.util.context.Context;

/**
 * The target of a slot of an answered callback: runs the handler on the calling thread, or hands the call over to the
 * scheduler. Does not refer to its {@link AnsweredCallback}, so that the garbage collector finds a callback that its
 * owner has forgotten.
 */
final class Answers implements Callee {

    /** {@code (Object handler, arguments...)result}. */
    final MethodHandle invoker;

    final Object handler;

    /** {@code (Object handler, Object[] arguments)Object}. */
    final MethodHandle spread;

    private final @Nullable LoopScheduler scheduler;
    private final CallbackOptions options;
    private final long limit;
    private final SourceCounters counters;

    /**
     * Calls whose callers sleep, or are about to sleep. Close ends these calls with the fallback at once; the first ref
     * wakes the scheduler for them.
     */
    private final Set<AnsweredCall> sleeping = ConcurrentHashMap.newKeySet();

    /**
     * Thrown in the place of an error that the thread which ran the handler has reported already. Made in advance,
     * because the heap may be full.
     */
    private final Throwable reported = new Reported();

    /** Whether the end of the scheduler was reported. Reported once, because native code may call for ever. */
    private final AtomicBoolean saidDisposed = new AtomicBoolean();

    /** Whether a call wakes the scheduler. Set by the first ref and never cleared. */
    private volatile boolean wakes;

    volatile boolean closed;

    Answers(MethodHandle invoker, Object handler, @Nullable LoopScheduler scheduler, CallbackOptions options) {
        this.invoker = invoker;
        this.handler = handler;
        this.spread = invoker.asSpreader(Object[].class, invoker.type().parameterCount() - 1)
                .asType(AnsweredCall.SPREAD);
        this.scheduler = scheduler;
        this.options = options;
        this.limit = TimeUnit.NANOSECONDS.convert(options.answerWithin());
        this.counters = Names.of(options.name());
    }

    /**
     * Returns whether the calling thread may run the handler at once: the thread has the turn, or the callback needs
     * none.
     */
    @SuppressWarnings("unused") // Handover
    boolean hasTurn() {
        LoopScheduler own = scheduler;
        return own == null || own.isCurrent();
    }

    /**
     * Borrows the turn if the scheduler has lent it and no other thread has it; returns whether the calling thread has
     * the turn now.
     */
    @SuppressWarnings({"unused", "NullAway"}) // Handover; who has not got the turn has a scheduler
    boolean tryBorrow() {
        return scheduler.callers().tryBorrow();
    }

    /**
     * Ends a {@link #tryBorrow}: the calling thread does not have the turn afterwards, whether the borrowing succeeded or
     * not.
     */
    @SuppressWarnings({"unused", "NullAway"}) // Handover; as tryBorrow
    void giveBack() {
        scheduler.thread().turn().giveBack();
    }

    /** Hands the call over to the scheduler, waits until the handler has run, and returns its result. */
    @SuppressWarnings({"unused", "NullAway"}) // Handover; without a scheduler nothing is handed over
    @Nullable
    Object handOver(Object[] arguments) throws Throwable {
        if (scheduler.callers().isStuck(limit)) {
            throw stuck();
        }
        boolean wake = wakes;
        AnsweredCall call = new AnsweredCall(this, arguments, wake);
        if (!scheduler.callers().call(call, limit, wake)) {
            throw notRun(call);
        }
        return call.answer();
    }

    private Refusal stuck() {
        String why = "a call of " + whose()
                + " was refused at once: the thread of " + scheduler
                + " is still in what an earlier call has waited for in"
                + " vain. If that is a native call which waits for its own callbacks, make it inside"
                + " CallbackScheduler.callBlocking";
        return new Refusal(why, new RejectedExecutionException(why));
    }

    /**
     * Returns why the handler was not run. The cause is null where nothing is to be reported, as after a close, whose
     * caller knows of the calls that wait.
     */
    @SuppressWarnings("NullAway") // as handOver
    private Refusal notRun(AnsweredCall call) {
        if (closed) {
            return new Refusal("the callback " + options.name() + " was closed while a call waited", null);
        }
        if (call.tooMany()) {
            String why = "a call of " + whose()
                    + " was one too many: as many as SchedulerOptions.maxCallers allows wait for " + scheduler;
            return new Refusal(why, new RejectedExecutionException(why));
        }
        if (scheduler.isDisposed()) {
            String why =
                    "a call of " + whose() + " got no answer, nor will any later one: " + scheduler + " is disposed";
            return new Refusal(why, saidDisposed.getAndSet(true) ? null : new RejectedExecutionException(why));
        }
        String why = "a call of " + whose() + " did not get the turn of " + scheduler + " within "
                + TimeUnit.NANOSECONDS.toMillis(limit) + " ms";
        return new Refusal(why, new TimeoutException(why));
    }

    /** Returns the callback and the calling thread, for messages. */
    private String whose() {
        return options.name() + " from " + Thread.currentThread().getName();
    }

    /**
     * Called by a caller that is about to sleep. Adds the call before reading {@code closed} and {@code wakes}, so that
     * either a concurrent close or first ref sees the call, or this method sees that.
     */
    void sleeps(AnsweredCall call, boolean hasWoken) {
        sleeping.add(call);
        if (closed) {
            call.abandon();
        } else if (wakes && !hasWoken) {
            wakeScheduler();
        }
    }

    /** Lets each call wake the scheduler from now on, and wakes it for the calls that wait already. */
    void wakeFromNowOn() {
        wakes = true;
        if (!sleeping.isEmpty()) {
            wakeScheduler();
        }
    }

    @SuppressWarnings("NullAway") // who waits has a scheduler
    private void wakeScheduler() {
        scheduler.execute(() -> {});
    }

    void awake(AnsweredCall call) {
        sleeping.remove(call);
    }

    /**
     * Ends the calls that wait, with the fallback. A call that comes later finds an inert slot, or is refused when its
     * turn comes.
     */
    void close() {
        closed = true;
        sleeping.forEach(AnsweredCall::abandon);
    }

    /**
     * Reports what a handler has thrown that ran for a waiting caller. Called on the thread that ran the handler.
     *
     * @return what the caller throws, so that the boundary counts the failure and answers with the fallback
     */
    Throwable handlerThrew(Throwable thrown) {
        report(options.onError(), thrown, false);
        return reported;
    }

    /** Called on the native thread, which has run the handler itself. */
    @Override
    @SuppressWarnings("ReferenceEquality") // there is one
    public void handlerFailed(Throwable thrown) {
        if (thrown != reported) {
            report(options.onError(), thrown, false);
        }
    }

    @Override
    public void callRefused(@Nullable Throwable why) {
        if (why != null) {
            report(options.onError(), why, true);
        }
    }

    @Override
    public Consumer<? super Throwable> fallbackErrors() {
        Consumer<? super Throwable> handler = options.onError();
        return thrown -> report(handler, thrown, false);
    }

    /**
     * Reports an error to the callback's error handler; without one, as Reactor reports a dropped error, or as a
     * scheduler reports the error of a task. Never throws.
     */
    @SuppressWarnings("ReferenceEquality") // a consumer may throw what it was given
    static void report(@Nullable Consumer<? super Throwable> handler, Throwable error, boolean dropped) {
        try {
            if (handler != null) {
                handler.accept(error);
            } else if (dropped) {
                Operators.onErrorDropped(error, Context.empty());
            } else {
                Errors.report(error);
            }
        } catch (Throwable broken) { // the thread that reports has more to do: an answer to give, a value to release
            Errors.report(Errors.both(broken, error));
        }
    }

    @Override
    public SourceCounters counters() {
        return counters;
    }

    private static final class Reported extends Throwable {

        private static final long serialVersionUID = 1L;

        Reported() {
            super("reported where it happened", null, false, false);
        }
    }
}
