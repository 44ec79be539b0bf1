package reactor.ffi;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.ffi.internal.call.ConfinedHandle;

/**
 * A handle, for any thread, to a value that lives on a scheduler's thread. Threads send closures to the value. The
 * closures run on the scheduler's thread, one at a time, those of each thread in the order in which that thread sent
 * them. The value keeps the JVM alive; the {@link #close} of the last handle releases the value, once, on the
 * scheduler's thread, after all closures that were sent before.
 *
 * <p>All methods may be called from any thread. A handle that is collected without close is reported, and counts as closed.
 * When the scheduler is disposed, the value is released too, and closures that are sent later are refused.
 *
 * @param <T> the type of the value
 */
public sealed interface Confined<T> extends AutoCloseable permits ConfinedHandle {

    /**
     * An action that runs with the value.
     *
     * @param <T> the type of the value
     */
    @FunctionalInterface
    interface Action<T> {

        /**
         * Runs on the scheduler's thread.
         *
         * @param value the value; do not let it escape
         * @throws Throwable any error, which goes to the error handler; later closures still run
         */
        void run(T value) throws Throwable;
    }

    /**
     * A query that asks the value.
     *
     * @param <T> the type of the value
     * @param <R> the type of the answer
     */
    @FunctionalInterface
    interface Query<T, R> {

        /**
         * Runs on the scheduler's thread.
         *
         * @param value the value; do not let it escape
         * @return the answer; null completes the {@code Mono} empty
         * @throws Throwable any error, which becomes the error of the {@code Mono}
         */
        @Nullable
        R ask(T value) throws Throwable;
    }

    /**
     * Takes a value over.
     *
     * @param scheduler where it lives from now on
     * @param value the value; nobody else may use it any more
     * @param release what is done with it at the end, on the scheduler's thread
     * @param <T> the type of the value
     * @return its first handle
     * @throws java.util.concurrent.RejectedExecutionException if the scheduler is disposed, or the JVM is shutting down
     */
    static <T> Confined<T> of(CallbackScheduler scheduler, T value, Action<? super T> release) {
        requireNonNull(value, "value");
        return create(scheduler, () -> value, release);
    }

    /**
     * Makes a value on the scheduler's thread. If the maker fails, all that is sent to the value fails.
     *
     * @param scheduler where it lives
     * @param maker makes it, on the scheduler's thread
     * @param release what is done with it at the end, on the scheduler's thread
     * @param <T> the type of the value
     * @return its first handle, at once
     * @throws java.util.concurrent.RejectedExecutionException if the scheduler is disposed, or the JVM is shutting down
     */
    static <T> Confined<T> create(CallbackScheduler scheduler, NativeCall<T> maker, Action<? super T> release) {
        return create(CallbackOptions.defaults().on(scheduler), maker, release);
    }

    /**
     * Makes a value on the scheduler's thread.
     *
     * @param options its name, scheduler, error handler, and whether it keeps the JVM alive
     * @param maker makes it, on the scheduler's thread
     * @param release what is done with it at the end, on the scheduler's thread
     * @param <T> the type of the value
     * @return its first handle, at once
     * @throws java.util.concurrent.RejectedExecutionException if the scheduler is disposed, or the JVM is shutting down
     */
    static <T> Confined<T> create(CallbackOptions options, NativeCall<T> maker, Action<? super T> release) {
        return ConfinedHandle.create(
                requireNonNull(options, "options")
                        .withoutQueue("what is sent to a Confined value is queued without a limit"),
                requireNonNull(maker, "maker"),
                requireNonNull(release, "release"));
    }

    /**
     * Makes one more handle to the same value.
     *
     * @return a handle of its own, to be closed by its owner
     * @throws IllegalStateException if this handle is closed
     */
    Confined<T> share();

    /**
     * Queues an action at once. What the action throws goes to {@link CallbackOptions#onError}, or else to {@link
     * reactor.core.scheduler.Schedulers#onHandleError Schedulers.onHandleError}.
     *
     * @param action runs on the scheduler's thread
     * @throws IllegalStateException if this handle is closed, or the scheduler disposed
     */
    void send(Action<? super T> action);

    /**
     * Asks the value when subscribed to. A closed handle fails the {@code Mono} with an {@code IllegalStateException}.
     *
     * @param query runs on the scheduler's thread
     * @param <R> the type of the answer
     * @return the answer, delivered on the scheduler's thread; a query whose subscription is cancelled before the query
     *     has begun does not run
     */
    <R> Mono<R> call(Query<? super T, ? extends R> query);

    /** Closes this handle. The close of the last handle releases the value. A second close does nothing. */
    @Override
    void close();
}
