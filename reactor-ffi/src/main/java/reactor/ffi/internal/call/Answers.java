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
import reactor.ffi.internal.upcall.CallCounters;
import reactor.ffi.internal.upcall.Callee;
import reactor.ffi.internal.upcall.Names;
import reactor.ffi.internal.upcall.Refusal;
import reactor.util.context.Context;

/**
 * What a slot of an answered callback calls: runs the handler here, or hands the call over to the scheduler. It does not know
 * its {@link AnsweredCallback}, so that one that was forgotten can be noticed.
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
    private final CallCounters counters;

    /** Calls whose callers sleep, or are about to: close gives them the fallback at once, the first ref wakes the scheduler. */
    private final Set<AnsweredCall> sleeping = ConcurrentHashMap.newKeySet();

    /** Stands for an error that the thread which ran the handler has reported. One for all, as the heap may be at its end. */
    private final Throwable reported = new Reported();

    /** Once for all: native code may go on to call for ever. */
    private final AtomicBoolean saidDisposed = new AtomicBoolean();

    /** Set by the first ref, for good: {@link #wakeFromNowOn}. */
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

    /** Whether the caller has the turn already, or needs none. */
    @SuppressWarnings("unused") // Handover
    boolean hasTurn() {
        LoopScheduler own = scheduler;
        return own == null || own.isCurrent();
    }

    /** Borrows the turn, if it is lent and free. */
    @SuppressWarnings({"unused", "NullAway"}) // Handover; who has not got the turn has a scheduler
    boolean borrow() {
        return scheduler.isLent() && scheduler.borrow();
    }

    /** The end of a {@link #borrow}, whatever has become of it. */
    @SuppressWarnings({"unused", "NullAway"}) // Handover; as borrow
    void giveBack() {
        scheduler.giveBack();
    }

    /** Waits until the scheduler has run the handler. */
    @SuppressWarnings({"unused", "NullAway"}) // Handover; without a scheduler nothing is handed over
    @Nullable
    Object handOver(Object[] arguments) throws Throwable {
        if (scheduler.isStuck(limit)) {
            throw stuck();
        }
        boolean wake = wakes;
        AnsweredCall call = new AnsweredCall(this, arguments, wake);
        if (!scheduler.call(call, limit, wake)) {
            throw notRun(call);
        }
        return call.answer();
    }

    private Refusal stuck() {
        String why = "a call of " + options.name() + " from "
                + Thread.currentThread().getName()
                + " was refused at once: the thread of " + scheduler
                + " is still in what an earlier call has waited for in"
                + " vain. If that is a native call which waits for its own callbacks, make it inside"
                + " CallbackScheduler.callBlocking";
        return new Refusal(why, new RejectedExecutionException(why));
    }

    /** What became of the caller, and whether that is news: who closes knows that callers wait. */
    @SuppressWarnings("NullAway") // as handOver
    private Refusal notRun(AnsweredCall call) {
        if (closed) {
            return new Refusal("the callback " + options.name() + " was closed while a call waited", null);
        }
        String who = "a call of " + options.name() + " from "
                + Thread.currentThread().getName();
        if (call.tooMany()) {
            String why = who + " was one too many: as many as SchedulerOptions.maxCallers allows wait for " + scheduler;
            return new Refusal(why, new RejectedExecutionException(why));
        }
        if (scheduler.isDisposed()) {
            String why = who + " got no answer, nor will any later one: " + scheduler + " is disposed";
            return new Refusal(why, saidDisposed.getAndSet(true) ? null : new RejectedExecutionException(why));
        }
        String why = who + " did not get the turn of " + scheduler + " within " + TimeUnit.NANOSECONDS.toMillis(limit)
                + " ms";
        return new Refusal(why, new TimeoutException(why));
    }

    /** Added before it looks: whoever closes, or refs for the first time, either is seen here or sees the call. */
    void sleeps(AnsweredCall call, boolean hasWoken) {
        sleeping.add(call);
        if (closed) {
            call.abandon();
        } else if (wakes && !hasWoken) {
            wakeScheduler();
        }
    }

    /** For good. Callers that have not woken the scheduler so far do not wait any longer for somebody else to do it. */
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

    /** Waiting callers go; those that come now find the slot inert, or are refused when their turn comes. */
    void close() {
        closed = true;
        sleeping.forEach(AnsweredCall::abandon);
    }

    /**
     * A handler that ran for a waiting caller has thrown. On the thread that ran it, where its error is reported.
     *
     * @return what the caller throws, so that the boundary counts it and answers with the fallback
     */
    Throwable handlerThrew(Throwable thrown) {
        report(options.onError(), thrown, false);
        return reported;
    }

    /** On the thread that called, which has run the handler itself. */
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

    /** A late answer is dropped, as Reactor says it; what a handler throws is an error of its scheduler. Never throws. */
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
        } catch (Throwable broken) { // the caller has more to do: an answer to give, a value to release
            Errors.report(Errors.both(broken, error));
        }
    }

    @Override
    public CallCounters counters() {
        return counters;
    }

    private static final class Reported extends Throwable {

        private static final long serialVersionUID = 1L;

        Reported() {
            super("reported where it happened", null, false, false);
        }
    }
}
