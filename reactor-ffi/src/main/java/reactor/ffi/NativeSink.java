package reactor.ffi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import reactor.ffi.internal.stream.RegisteringSink;
import reactor.util.context.ContextView;

/**
 * One subscription as its registration and its handlers see it: where callbacks are made, where values go, and how the
 * registration is undone.
 *
 * <p>All methods may be called from any thread. Handlers run on whichever native thread calls the pointer, and
 * concurrently if several do; what they pass to {@link #next} arrives serially on the scheduler's thread, in order for
 * each native thread.
 *
 * <p>At the end of the subscription, however it comes, what {@link #callback} and {@link #onDispose} have pushed is popped:
 * an action runs; a callback becomes inert, and what was made before it waits until its running handlers have left (1 s at
 * most). So register in the order "callback, native start, {@code onDispose(stop)}", and the callback still works while
 * {@code stop} runs.
 *
 * @param <T> the type of the values
 */
public sealed interface NativeSink<T> permits ExchangeSink, RegisteringSink {

    /**
     * Makes a C function pointer that calls a handler. When the handler throws, native code gets the zero of the result, and
     * the stream ends with the error.
     *
     * @param type a functional interface with the C signature, see {@link CallbackType}
     * @param handler what is called, on the native thread: copy what you need, hand it over, return
     * @param <F> the functional interface
     * @return the pointer; it stays callable for the life of the process, and does nothing once the subscription has ended
     * @throws IllegalArgumentException if the interface cannot stand for a C function; the message names the remedy
     * @throws IllegalStateException if the subscription has ended, or no stub is left
     */
    default <F> MemorySegment callback(Class<F> type, F handler) {
        return callback(CallbackType.of(type), handler);
    }

    /**
     * Makes a C function pointer that calls a handler.
     *
     * @param type a functional interface with the C signature, see {@link CallbackType}
     * @param handler what is called, on the native thread
     * @param fallback answers in the handler's place when it throws, and when the pointer is called after the end. There it
     *     also frees what the callee owns; so a handler frees last, not before something that may throw. It must be thread
     *     safe and must not need the subscription. After the quarantine of the pointer (10 s) it is let go of.
     * @param <F> the functional interface
     * @return the pointer
     * @throws IllegalArgumentException if the interface cannot stand for a C function; the message names the remedy
     * @throws IllegalStateException if the subscription has ended, or no stub is left
     */
    default <F> MemorySegment callback(Class<F> type, F handler, F fallback) {
        return callback(CallbackType.of(type), handler, fallback);
    }

    /**
     * Makes a C function pointer that calls a handler. The fallback is the zero of the result.
     *
     * @param type the C function type
     * @param handler what is called, on the native thread
     * @param <F> the functional interface
     * @return the pointer
     * @throws IllegalArgumentException if the handler or the fallback does not implement the interface, or the library cannot
     *     call the interface
     * @throws IllegalStateException if the subscription has ended, or no stub is left
     */
    <F> MemorySegment callback(CallbackType<F> type, F handler);

    /**
     * Makes a C function pointer that calls a handler.
     *
     * @param type the C function type
     * @param handler what is called, on the native thread
     * @param fallback answers in the handler's place when it throws, and late calls
     * @param <F> the functional interface
     * @return the pointer
     * @throws IllegalArgumentException if the handler or the fallback does not implement the interface, or the library cannot
     *     call the interface
     * @throws IllegalStateException if the subscription has ended, or no stub is left
     */
    <F> MemorySegment callback(CallbackType<F> type, F handler, F fallback);

    /**
     * Hands a value over. On the scheduler's own thread it is delivered there and then, if nothing is queued, there is
     * demand, and no value is being delivered. With {@link Overflow#block} a native thread may wait here for room.
     *
     * @param value the value: of its own memory, not a segment that dies when the handler returns
     * @return false if it will never be delivered; the discard hook has already had it
     */
    boolean next(T value);

    /** Ends the stream after the values that are queued. What comes later is discarded. */
    void complete();

    /**
     * Ends the stream with an error after the values that are queued. A second one goes to
     * {@code Hooks.onErrorDropped}.
     *
     * @param error what went wrong
     */
    void error(Throwable error);

    /**
     * Adds an action that undoes a part of the registration when the subscription ends. Actions run once, on the
     * scheduler's thread, in reverse order together with the callbacks, inside {@link CallbackScheduler#runBlocking}.
     * One that throws does not stop the others; it becomes, or is added to, the error. After the end of the subscription
     * it runs at once.
     *
     * @param action the unregister call
     * @return this
     */
    NativeSink<T> onDispose(NativeAction action);

    /**
     * Sets the consumer of the subscriber's demand, for sources that are armed for a number of events. Called on the
     * scheduler's thread, with what was requested since it was last called; not before the registration has returned,
     * nor once the stream ends. It replaces an earlier one. What it throws becomes the error.
     *
     * @param consumer takes the number of values newly requested, and may throw anything
     * @return this
     */
    NativeSink<T> onRequest(NativeDemand consumer);

    /**
     * Runs a blocking native loop, such as {@code pcap_loop}, on a thread of the library's own for the life of the
     * subscription. Its return completes the stream, what it throws is the error. Push the {@link #onDispose} action that
     * stops the loop after this call: at the end the action runs, and then the loop is joined. A loop that does not end
     * within 10 s (system property {@code reactor.ffi.loop.limit}, in milliseconds) is logged, and left behind.
     *
     * @param loop the blocking call
     * @return this
     * @throws IllegalStateException if the subscription has ended
     */
    NativeSink<T> runLoop(NativeCall<?> loop);

    /**
     * Returns an arena for memory that native code keeps: user data, structs of callbacks. Any thread may use it. It
     * lives as long as native code may still call the pointers of this subscription, late calls included, and is then
     * freed by the garbage collector; it cannot be closed.
     *
     * @return the arena
     */
    Arena arena();

    /**
     * Releases a pointer of this sink that native code is done with and will not call again: the pointer becomes inert,
     * and its slot may be reused at once. Allowed after the end. A pointer that is not of this sink is ignored.
     *
     * @param pointer what {@link #callback} returned
     */
    void release(MemorySegment pointer);

    /**
     * Returns a C function {@code void (*)(void *)} that releases, when native code calls it, the callbacks made on this
     * sink since the last call of this method, and itself. For a {@code GDestroyNotify}, {@code xDestroy} and the like;
     * it may be called after the end.
     *
     * @return the pointer
     * @throws IllegalStateException if the subscription has ended, or no stub is left
     */
    MemorySegment releaseNotify();

    /**
     * Returns how many values the subscriber has requested and not received.
     *
     * @return the demand; {@code Long.MAX_VALUE} means unbounded
     */
    long requestedFromDownstream();

    /**
     * Returns whether values are of no use any more: the subscriber cancelled, or the stream has ended.
     *
     * @return true if {@link #next} will return false
     */
    boolean isCancelled();

    /**
     * Returns the context of the subscriber.
     *
     * @return its context
     */
    ContextView contextView();

    /**
     * Returns the scheduler that values are delivered on.
     *
     * @return the scheduler of this subscription
     */
    CallbackScheduler scheduler();
}
