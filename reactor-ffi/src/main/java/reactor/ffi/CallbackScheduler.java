package reactor.ffi;

import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.ffi.internal.loop.LoopScheduler;

/**
 * A Reactor {@link Scheduler} of one thread, on which callbacks are delivered.
 *
 * <p>The thread is a daemon platform thread that refuses {@code block()}. The scheduler takes tasks from any thread,
 * runs them one at a time and in order, delayed and periodic tasks too, and sleeps without using the CPU when there is
 * nothing to do. A subscription, or a {@link #ref()}, keeps the JVM alive.
 *
 * <p>The <i>turn</i> of a scheduler is the right to run code on that scheduler. Its thread has the turn, and lends the turn
 * to other threads only inside {@link #callBlocking}.
 *
 * <p>All methods may be called from any thread.
 */
public sealed interface CallbackScheduler extends Scheduler, AutoCloseable permits LoopScheduler {

    /**
     * Makes a scheduler with a name and default options. Its thread starts with the first task.
     *
     * @param name the name of the thread, not blank
     * @return a new scheduler, to be closed by the caller
     * @throws IllegalArgumentException if the name is blank
     */
    static CallbackScheduler create(String name) {
        return create(SchedulerOptions.named(name));
    }

    /**
     * Makes a scheduler.
     *
     * @param options the name and the limits of the scheduler
     * @return a new scheduler, to be closed by the caller
     */
    static CallbackScheduler create(SchedulerOptions options) {
        return LoopScheduler.create(options);
    }

    /**
     * Returns the shared scheduler, one for the whole JVM. {@link #dispose()} and {@link #close()} do nothing to it.
     *
     * @return the shared scheduler
     */
    static CallbackScheduler shared() {
        return LoopScheduler.shared();
    }

    /**
     * Returns whether the calling thread has this scheduler's turn: the scheduler's thread unless the turn is lent, or
     * a thread that has borrowed the turn.
     *
     * @return true if what the caller does now is serial with everything else on this scheduler
     */
    boolean isCurrent();

    /**
     * Keeps the JVM alive until a matching {@link #unref()}, or until the thread of this scheduler has ended. This
     * count is separate from subscriptions, which keep the JVM alive besides.
     *
     * @return the new count
     * @throws java.util.concurrent.RejectedExecutionException if this scheduler is disposed
     */
    int ref();

    /**
     * Takes one {@link #ref()} back. The count never goes below zero.
     *
     * @return the new count
     */
    int unref();

    /**
     * Returns the count that {@link #ref()} and {@link #unref()} move.
     *
     * @return the count, zero or more; zero once the thread of this scheduler has ended
     */
    int refCount();

    /**
     * Runs a native call that waits for threads which call back, such as a {@code stop} that joins them. On the
     * scheduler's thread the turn is lent during the call: {@link #isCurrent()} is false inside, callbacks that wait
     * for an answer are answered, and native threads do not wait for room in a queue. On any other thread the call just
     * runs.
     *
     * @param call the native call; an unchecked exception or an error that the call throws is rethrown, a checked
     *     exception is wrapped by {@link reactor.core.Exceptions#propagate}
     * @param <R> the type of the result
     * @return what the call returns
     */
    <R extends @Nullable Object> R callBlocking(NativeCall<R> call);

    /**
     * Runs a native call without a result, as {@link #callBlocking(NativeCall)} does.
     *
     * @param action the native call
     */
    void runBlocking(NativeAction action);

    /**
     * Runs a slow native call off the scheduler's thread, which stays free to answer callbacks meanwhile. The call runs on
     * one of a bounded number of daemon threads, once for each subscription, when the result is requested; its result or
     * error arrives on the scheduler's thread. A null result completes the {@code Mono} empty. The JVM stays alive
     * until then.
     *
     * <p>If the subscription is cancelled before the call has begun, the call is not made. A call that has begun cannot
     * be cancelled: its result goes to Reactor's {@linkplain reactor.core.publisher.Flux#doOnDiscard discard hook}, its
     * error to {@link reactor.core.publisher.Hooks#onErrorDropped Hooks.onErrorDropped}.
     *
     * @param call the native call
     * @param <R> the type of the result
     * @return a lazy {@code Mono}, which fails with a {@link java.util.concurrent.RejectedExecutionException} if this
     *     scheduler is disposed, or if 100,000 calls wait already
     */
    <R> Mono<R> offload(NativeCall<? extends @Nullable R> call);

    /**
     * Refuses new work, drops the tasks that have not begun, ends each subscription with a {@code
     * RejectedExecutionException} after it has unregistered, and ends the thread last. Then the refs of this scheduler,
     * and of its callbacks, do not keep the JVM alive any more. Returns at once. A second call does nothing, and nor
     * does a call on {@link #shared()}.
     */
    @Override
    void dispose();

    /**
     * Disposes this scheduler on subscription, as {@link #dispose()} does, but still runs the tasks that are queued;
     * delayed and periodic tasks are cancelled.
     *
     * @return a {@code Mono} that completes when the scheduler's thread has ended, on another thread; for {@link
     *     #shared()} at once. A second subscription is allowed, after a {@code timeout} for instance.
     */
    @Override
    Mono<Void> disposeGracefully();

    /** Disposes this scheduler, as {@link #dispose()} does. */
    @Override
    default void close() {
        dispose();
    }
}
