package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.ffi.internal.call.AnsweredCallback;

/**
 * A C function pointer that Java answers: native code waits until the handler has returned, and gets the handler's
 * result.
 *
 * <p>A {@link #threadSafe} or {@link #synchronous} callback belongs to the scheduler that the callback was made with.
 * Its handler runs under that scheduler's {@linkplain CallbackScheduler turn}, never at the same time as other work of
 * that scheduler, whichever thread calls. If the scheduler's own thread calls, the handler runs at once, on the same
 * stack. Any other calling thread waits, while its arguments stay valid; if the turn does not come within {@link
 * CallbackOptions#answerWithin}, the calling thread gets the fallback, and the handler never runs for that call. The
 * handler of a {@link #direct} callback runs on the calling thread itself, concurrently.
 *
 * <p>A callback may be made for one native call, such as a comparator, thousands of times a second. If native code is
 * done with the pointer when its function returns, call {@link #release()}: then the library uses the pointer again at
 * once.
 *
 * <pre>{@code
 * try (NativeCallback<Compare> byAge = NativeCallback.direct(Compare.class, (a, b) -> age(a) - age(b))) {
 *     qsort(base, count, size, byAge.pointer());
 *     byAge.release();
 * }
 * }</pre>
 *
 * <p>After {@link #close()} alone native code may call the pointer still, so the pointer waits for 10 s before it is
 * used again. Callbacks that one thread makes and closes within a second are one source if they have the same handler
 * class (the same lambda expression), the same interface and the same {@link CallbackOptions#named name}. Where many
 * closed pointers of one source wait, the oldest of them is used again early, for the same source and for no other: a
 * call of native code that comes later still runs the handler of the new callback. A name for each of them keeps them
 * apart. The pointer of any other callback is never used again early.
 *
 * <p>Native code never sees an exception: when a handler throws, native code gets the fallback, and the error goes to
 * {@link CallbackOptions#onError}, or else to {@link reactor.core.scheduler.Schedulers#onHandleError
 * Schedulers.onHandleError}. All methods may be called from any thread.
 *
 * @param <F> the functional interface
 */
public sealed interface NativeCallback<F> extends AutoCloseable permits AnsweredCallback {

    /**
     * Makes a callback that any thread may call, and that keeps the JVM alive: {@link #synchronous} plus one {@link
     * #ref()}. The fallback is the zero of the result.
     *
     * @param scheduler whose turn the handler runs under
     * @param type a functional interface with the C signature, see {@link CallbackType}
     * @param handler computes the answer
     * @param <F> the functional interface
     * @return a new callback, to be closed by the caller
     * @throws IllegalArgumentException if the interface cannot stand for a C function, or the handler does not
     *     implement that interface; the message names what is wrong
     * @throws IllegalStateException if no stub is left
     * @throws java.util.concurrent.RejectedExecutionException if the scheduler is disposed
     */
    static <F> NativeCallback<F> threadSafe(CallbackScheduler scheduler, Class<F> type, F handler) {
        return threadSafe(CallbackOptions.defaults().on(scheduler), CallbackType.of(type), handler, null);
    }

    /**
     * Makes a callback that any thread may call, and that keeps the JVM alive unless {@link CallbackOptions#keepAlive}
     * is false: then the count of refs begins at zero.
     *
     * @param options name, scheduler, timeout, error handler, and whether the callback keeps the JVM alive
     * @param type the C function type
     * @param handler computes the answer
     * @param fallback answers where the handler cannot; null: the zero of the result
     * @param <F> the functional interface
     * @return a new callback, to be closed by the caller
     * @throws IllegalArgumentException if the interface cannot stand for a C function, or the handler does not
     *     implement that interface; the message names what is wrong
     * @throws IllegalStateException if no stub is left
     * @throws java.util.concurrent.RejectedExecutionException if the scheduler is disposed
     */
    static <F> NativeCallback<F> threadSafe(
            CallbackOptions options, CallbackType<F> type, F handler, @Nullable F fallback) {
        return AnsweredCallback.threadSafe(
                requireNonNull(options, "options").withoutQueue(AnsweredCallback.CALLERS_WAIT),
                type,
                handler,
                fallback);
    }

    /**
     * Makes a callback for calls on the scheduler's own thread. The callback does not keep the JVM alive. Before its
     * first {@link #ref()} a call of another thread is safe, but does not wake a sleeping scheduler: the call is
     * answered when something else has woken the scheduler.
     *
     * @param scheduler whose turn the handler runs under
     * @param type a functional interface with the C signature
     * @param handler computes the answer
     * @param <F> the functional interface
     * @return a new callback, to be closed by the caller
     * @throws IllegalArgumentException if the interface cannot stand for a C function, or the handler does not
     *     implement that interface; the message names what is wrong
     * @throws IllegalStateException if no stub is left
     */
    static <F> NativeCallback<F> synchronous(CallbackScheduler scheduler, Class<F> type, F handler) {
        return synchronous(CallbackOptions.defaults().on(scheduler), CallbackType.of(type), handler, null);
    }

    /**
     * Makes a callback for calls on the scheduler's own thread.
     *
     * @param options name, scheduler, timeout and error handler
     * @param type the C function type
     * @param handler computes the answer
     * @param fallback answers where the handler cannot; null: the zero of the result
     * @param <F> the functional interface
     * @return a new callback, to be closed by the caller
     * @throws IllegalArgumentException if the interface cannot stand for a C function, or the handler does not
     *     implement that interface; the message names what is wrong
     * @throws IllegalStateException if no stub is left
     */
    static <F> NativeCallback<F> synchronous(
            CallbackOptions options, CallbackType<F> type, F handler, @Nullable F fallback) {
        return AnsweredCallback.onScheduler(
                requireNonNull(options, "options").withoutQueue(AnsweredCallback.CALLERS_WAIT),
                type,
                handler,
                fallback);
    }

    /**
     * Makes a callback that is answered on the calling thread itself, at once, concurrently: for comparators,
     * collations, progress handlers. The callback has no scheduler and no timeout, and does not keep the JVM alive.
     *
     * @param type a functional interface with the C signature
     * @param handler computes the answer; thread safe if several threads call
     * @param <F> the functional interface
     * @return a new callback, to be closed by the caller
     * @throws IllegalArgumentException if the interface cannot stand for a C function, or the handler does not
     *     implement that interface; the message names what is wrong
     * @throws IllegalStateException if no stub is left
     */
    static <F> NativeCallback<F> direct(Class<F> type, F handler) {
        return direct(CallbackOptions.defaults(), CallbackType.of(type), handler, null);
    }

    /**
     * Makes a callback that is answered on the calling thread itself.
     *
     * @param options name and error handler; the scheduler is not used
     * @param type the C function type
     * @param handler computes the answer; thread safe if several threads call
     * @param fallback answers where the handler cannot; null: the zero of the result
     * @param <F> the functional interface
     * @return a new callback, to be closed by the caller
     * @throws IllegalArgumentException if the interface cannot stand for a C function, or the handler does not
     *     implement that interface; the message names what is wrong
     * @throws IllegalStateException if no stub is left
     */
    static <F> NativeCallback<F> direct(
            CallbackOptions options, CallbackType<F> type, F handler, @Nullable F fallback) {
        return AnsweredCallback.direct(
                requireNonNull(options, "options")
                        .withoutQueue("a direct callback is answered at once, on each calling thread"),
                type,
                handler,
                fallback);
    }

    /**
     * Returns the C function pointer. Native code may call the pointer for the life of the process; once this callback
     * is closed, the fallback answers.
     *
     * @return always the same pointer
     */
    MemorySegment pointer();

    /**
     * Returns what to pass to native code as the user data of this callback, whose {@link CallbackType#userData} says where
     * native code hands the user data back. The pointer is shared with other callbacks of that C type, and the user data
     * says whose call it is. The user data is no memory, and never NULL.
     *
     * @return the same segment always, of length zero
     * @throws IllegalStateException if the type of the callback has no user data
     */
    MemorySegment userData();

    /**
     * Keeps the JVM alive until a matching {@link #unref()} or {@link #close()}, or until the scheduler's thread has ended. The
     * first one makes a synchronous callback thread safe for good.
     *
     * @return the new count
     * @throws IllegalStateException if this callback is closed, or direct
     * @throws java.util.concurrent.RejectedExecutionException if the scheduler is disposed
     */
    int ref();

    /**
     * Takes one {@link #ref()} back. The count never goes below zero; at zero, calls still wake the scheduler.
     *
     * @return the new count
     * @throws IllegalStateException if this callback is closed, or direct
     */
    int unref();

    /**
     * Returns the count that {@link #ref()} and {@link #unref()} move.
     *
     * @return zero or more; zero once this callback is closed, and once the scheduler's thread has ended
     */
    int refCount();

    /**
     * Makes the pointer inert: callers that wait get the fallback, and so do later callers, which are counted. A
     * handler that runs is not interrupted. The handler itself may call this method. A second call does nothing. Native
     * code may call the pointer later, so the library does not use the pointer again for 10 s; for callbacks that are
     * each made for one native call, see above.
     */
    @Override
    void close();

    /**
     * Returns a {@code Mono} that completes when the callback is closed and none of its handlers runs any more.
     *
     * @return a {@code Mono} that never fails
     */
    Mono<Void> closed();

    /**
     * Closes the callback, when native code is done with the pointer and will not call it again: the pointer may be
     * reused at once, for any callback. If native code calls the pointer all the same, that call may run the handler of
     * another callback. Allowed after {@link #close()}, too.
     */
    void release();
}
