package reactor.ffi;

import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.ffi.internal.loop.LoopScheduler;

/**
 * A Reactor {@link Scheduler} of one thread, on which callbacks are delivered.
 *
 * <p>It is a daemon platform thread that refuses {@code block()}. It takes tasks from any thread, runs them one at a time
 * and in order, delayed and periodic ones too, and sleeps without using the CPU when there is nothing to do. The JVM stays
 * up while a subscription, or a {@link #ref()}, wants it to.
 *
 * <p>All methods may be called from any thread.
 */
public sealed interface CallbackScheduler extends Scheduler, AutoCloseable permits LoopScheduler {

    /**
     * Makes a scheduler, with default options otherwise. Its thread starts with the first task.
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
     * @param options its name and limits
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
     * Returns whether the calling thread has this scheduler's turn: it is the scheduler's thread and has not lent the
     * turn, or it is a thread that the turn is lent to.
     *
     * @return true if what the caller does now is serial with everything else on this scheduler
     */
    boolean isCurrent();

    /**
     * Keeps the JVM alive until a matching {@link #unref()}, or until the thread of this scheduler has ended. This count is its
     * own: subscriptions hold the JVM besides.
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
     * scheduler's thread the turn is lent meanwhile: {@link #isCurrent()} is false inside, callbacks that wait for an
     * answer get it, and producers do not wait for room. On any other thread the call just runs.
     *
     * @param call the native call; an unchecked exception or error of it is thrown as it is, a checked one wrapped as
     *     {@code reactor.core.Exceptions.propagate} does
     * @param <R> the type of the result
     * @return what the call returns
     */
    <R extends @Nullable Object> R callBlocking(NativeCall<R> call);

    /**
     * {@link #callBlocking(NativeCall)} for a call without a result.
     *
     * @param action the native call
     */
    void runBlocking(NativeAction action);

    /**
     * Runs a slow native call off the scheduler's thread, which stays free to answer callbacks meanwhile. The call runs on
     * one of a bounded number of daemon threads, once for each subscription, when the result is requested; its result or
     * error arrives on the scheduler's thread. Null completes the {@code Mono} empty. The JVM stays up until then.
     *
     * <p>Cancelled before the call has begun, it is not made. A call that runs cannot be cancelled: it runs on, and its
     * result goes to the discard hook, its error to {@code Hooks.onErrorDropped}.
     *
     * @param call the native call
     * @param <R> the type of the result
     * @return lazy; a {@code RejectedExecutionException} if this scheduler is disposed or 100,000 calls wait already
     */
    <R> Mono<R> offload(NativeCall<? extends @Nullable R> call);

    /**
     * Refuses new work, drops the tasks that have not begun, ends each subscription with a {@code
     * RejectedExecutionException} after it has unregistered, and ends the thread last. Then the refs of this scheduler, and
     * of the callbacks on it, hold the JVM no more. Returns at once. Does nothing to
     * {@link #shared()}, and nothing the second time.
     */
    @Override
    void dispose();

    /**
     * {@link #dispose()} on subscription, but the tasks that are queued still run; delayed and periodic ones are cancelled.
     *
     * @return completes when the thread has ended, on a thread of its own; for {@link #shared()} at once. May be subscribed to
     *     again, after a {@code timeout} for instance.
     */
    @Override
    Mono<Void> disposeGracefully();

    /** {@link #dispose()}. */
    @Override
    default void close() {
        dispose();
    }
}
