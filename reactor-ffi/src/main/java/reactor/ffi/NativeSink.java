package reactor.ffi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import reactor.ffi.internal.stream.RegisteringSink;
import reactor.util.context.ContextView;

/**
 * One subscription, as its registration and its handlers see the subscription: makes callbacks, takes values, and knows
 * how the registration is undone.
 *
 * <p>All methods may be called from any thread. A handler runs on the native thread that calls the pointer, so handlers
 * run concurrently if several native threads call. The values that handlers pass to {@link #next} arrive serially on
 * the scheduler's thread, in order for each native thread.
 *
 * <p>{@link #callback} and {@link #onDispose} push on one stack. Every end of the subscription pops that stack: an
 * action runs; a callback becomes inert, which means that its handler is not called any more, and the entries below
 * that callback wait until its running handlers have returned (1 s at most). So register in the order "callback, native
 * start, {@code onDispose(stop)}": then the callback still works while {@code stop} runs.
 *
 * @param <T> the type of the values
 */
public sealed interface NativeSink<T> permits ExchangeSink, RegisteringSink {

    /**
     * Makes a C function pointer that calls a handler. When the handler throws, native code gets the zero of the result, and
     * the stream ends with the error.
     *
     * @param type a functional interface with the C signature, see {@link CallbackType}
     * @param handler called on the native thread; copies what the stream needs, hands that over, and returns
     * @param <F> the functional interface
     * @return the pointer, which stays callable for the life of the process; a call after the end of the subscription
     *     runs no handler
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
     * @param fallback answers in the handler's place when the handler throws, and when native code calls the pointer
     *     after the end. If the callee owns memory, the fallback frees that memory too, so a handler frees last, after
     *     all that may throw. The fallback must be thread safe, and must not need the subscription. The library holds
     *     the fallback until native code may not call the pointer any more, by default 10 s after the end.
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
     * @throws IllegalArgumentException if the handler or the fallback does not implement the interface, or the library
     *     cannot call the interface
     * @throws IllegalStateException if the subscription has ended, or no stub is left
     */
    <F> MemorySegment callback(CallbackType<F> type, F handler);

    /**
     * Makes a C function pointer that calls a handler.
     *
     * @param type the C function type
     * @param handler what is called, on the native thread
     * @param fallback answers in the handler's place when the handler throws, and when native code calls the pointer
     *     after the end
     * @param <F> the functional interface
     * @return the pointer
     * @throws IllegalArgumentException if the handler or the fallback does not implement the interface, or the library
     *     cannot call the interface
     * @throws IllegalStateException if the subscription has ended, or no stub is left
     */
    <F> MemorySegment callback(CallbackType<F> type, F handler, F fallback);

    /**
     * Makes a C function pointer whose calls do not enter the JVM, for an interface without result: its arguments are copied, and
     * the handler runs later, on the scheduler's thread.
     *
     * @param type a functional interface with the C signature, see {@link ListenerType}
     * @param handler what gets the arguments, on the scheduler's thread
     * @param <F> the functional interface
     * @return the pointer, see {@link #listener(ListenerType, Object)}
     * @throws IllegalArgumentException if the interface is not fit, or the options have another {@link Overflow}
     * @throws IllegalStateException if the subscription has ended, its ring has smaller records, or the system refuses memory
     * @throws UnsupportedOperationException on the sink of a shared stream, or of a stream of questions
     */
    default <F> MemorySegment listener(Class<F> type, F handler) {
        return listener(ListenerType.of(type), handler);
    }

    /**
     * Makes a C function pointer whose calls do not enter the JVM: its arguments are copied, C gets a constant at once, and the
     * handler runs later, on the scheduler's thread. Such a call never waits for a collection, and may come from where no Java
     * can run, such as a critical downcall, a thread with a tiny stack, and {@code atexit}.
     *
     * <p>A handler runs only while the subscriber wants a value. What the handler passes to {@link #next} is delivered there and
     * then. When the handler throws, the stream ends with the error. All listeners of a sink share one ring, and so calls of one
     * native thread keep their order. Between a call of a listener and a value of a callback there is none.
     *
     * <p>The ring holds as many calls as the {@link Overflow} of the options says, rounded up to a power of two; by default 64 KiB
     * of them. Listeners know {@link Overflow#block}, {@link Overflow#dropNewest} and {@link Overflow#error}. A call that is not
     * taken is counted; there is no value yet for the discard hook. The first listener of a sink says how large the records are: make the one with the most parameters
     * first.
     *
     * @param type the C function type
     * @param handler what gets the arguments, on the scheduler's thread; a pointer arrives as a segment of length zero, because
     *     what it leads to may be gone
     * @param <F> the functional interface
     * @return the pointer; it stays callable for the life of the process, and after the end its calls are only counted
     * @throws IllegalArgumentException if the type has a result without {@link ListenerType#answering}, the handler is not an
     *     instance of the interface, or the options have another {@link Overflow}
     * @throws IllegalStateException if the subscription has ended, its ring has smaller records or is of the other kind (see {@link
     *     ListenerType#signalSafe}), or the system refuses memory
     * @throws UnsupportedOperationException on the sink of a shared stream, or of a stream of questions; or for a type that is to be
     *     safe in signal handlers, where listeners are no machine code
     */
    <F> MemorySegment listener(ListenerType<F> type, F handler);

    /**
     * Makes a listener whose handler gets several calls at once, for an interface without result.
     *
     * @param type a functional interface with the C signature, see {@link ListenerType}
     * @param handler what gets the calls, on the scheduler's thread
     * @param <F> the functional interface
     * @return the pointer, see {@link #batches(ListenerType, Consumer)}
     * @throws IllegalArgumentException if the interface is not fit, or the options have another {@link Overflow}
     * @throws IllegalStateException if the subscription has ended, its ring has smaller records, or the system refuses memory
     * @throws UnsupportedOperationException on the sink of a shared stream, or of a stream of questions
     */
    default <F> MemorySegment batches(Class<F> type, Consumer<? super Records> handler) {
        return batches(ListenerType.of(type), handler);
    }

    /**
     * Makes a {@linkplain #listener(ListenerType, Object) listener} whose handler gets several calls at once, and reads their
     * arguments where native code has left them: nothing is allocated for a call. For sums, levels, histograms.
     *
     * <p>A batch has the calls of this pointer that have come and follow one another: 256 at most, and a quarter of the ring at
     * most. A call of another pointer of the sink ends it, so that the calls of one native thread keep their order over several
     * pointers. A handler runs only while the subscriber wants a value, and then gets a batch of any size: what the handler hands
     * over beyond the demand is queued, and until that is delivered no handler runs. When the handler throws, or ends the stream,
     * all calls of its batch count as handled.
     *
     * @param type the C function type
     * @param handler what gets the calls, on the scheduler's thread; see {@link Records} for how long they may be read
     * @param <F> the functional interface
     * @return the pointer; it stays callable for the life of the process, and after the end its calls are only counted
     * @throws IllegalArgumentException if the type has a result without {@link ListenerType#answering}, or the options have another
     *     {@link Overflow}
     * @throws IllegalStateException if the subscription has ended, its ring has smaller records, or the system refuses memory
     * @throws UnsupportedOperationException on the sink of a shared stream, or of a stream of questions
     */
    <F> MemorySegment batches(ListenerType<F> type, Consumer<? super Records> handler);

    /**
     * Hands a value over. On the scheduler's own thread it is delivered there and then, if nothing is queued, there is
     * demand, and no value is being delivered. With {@link Overflow#block} a native thread may wait here for room.
     *
     * @param value the value, with memory of its own: a segment that was an argument of the handler dies when the
     *     handler returns
     * @return false if the value will never be delivered; Reactor's {@linkplain reactor.core.publisher.Flux#doOnDiscard
     *     discard hook} has then been called with the value
     */
    boolean next(T value);

    /** Completes the stream after the values that are queued. A value that comes later is discarded. */
    void complete();

    /**
     * Ends the stream with an error after the values that are queued. A second error goes to {@link
     * reactor.core.publisher.Hooks#onErrorDropped Hooks.onErrorDropped}.
     *
     * @param error what went wrong
     */
    void error(Throwable error);

    /**
     * Adds an action that undoes a part of the registration when the subscription ends. Actions run once, on the
     * scheduler's thread, in reverse order together with the callbacks, inside {@link CallbackScheduler#runBlocking}.
     * An action that throws does not stop the others; what it throws becomes the error of the stream, or is suppressed
     * under that error. After the end of the subscription an action runs at once.
     *
     * @param action the unregister call
     * @return this
     */
    NativeSink<T> onDispose(NativeAction action);

    /**
     * Sets the consumer of the subscriber's demand, for sources that are armed for a number of events. The scheduler's
     * thread calls the consumer with what was requested since the last call, after the registration has returned and
     * before the stream ends. A consumer replaces an earlier one. What the consumer throws becomes the error of the
     * stream.
     *
     * @param consumer takes the number of values that were newly requested, and may throw anything
     * @return this
     */
    NativeSink<T> onRequest(NativeDemand consumer);

    /**
     * Runs a blocking native loop, such as {@code pcap_loop}, on a thread of the library's own for the life of the
     * subscription. The return of the loop completes the stream; what the loop throws becomes the error. Push the
     * {@link #onDispose} action that stops the loop after this call: at the end of the subscription the action runs
     * first, and then the loop's thread is joined. A loop that does not end within 10 s (system property {@code
     * reactor.ffi.loop.limit}, in milliseconds) is logged, and left behind.
     *
     * @param loop the blocking call
     * @return this
     * @throws IllegalStateException if the subscription has ended
     */
    NativeSink<T> runLoop(NativeCall<?> loop);

    /**
     * Returns an arena for memory that native code keeps: user data, structs of callbacks. Any thread may use the
     * arena. Its memory lives as long as native code may still call the pointers of this subscription, late calls
     * included, and is then freed by the garbage collector. The arena cannot be closed.
     *
     * @return the arena
     */
    Arena arena();

    /**
     * Returns what to pass to native code as the user data of those callbacks of this sink whose {@link CallbackType#userData}
     * says where native code hands the user data back. It is the same for all callbacks of this sink, and differs from that
     * of every other sink. The user data is no memory, and never NULL.
     *
     * <p>Callbacks with user data share their pointers with those of other sinks. On one sink the callbacks of one C type have
     * different pointers, in the order in which they are made, up to the 64th.
     *
     * @return a segment of length zero
     * @throws IllegalStateException if the subscription has ended
     */
    MemorySegment userData();

    /**
     * Releases a pointer of this sink that native code is done with and will not call again: the pointer becomes inert,
     * and the library may give the same pointer to another callback at once. Allowed after the end. A pointer that is
     * not of this sink is ignored.
     *
     * @param pointer what {@link #callback} returned
     */
    void release(MemorySegment pointer);

    /**
     * Returns a C function {@code void (*)(void *)}, such as a {@code GDestroyNotify} or an {@code xDestroy}. When
     * native code calls that function, the callbacks that were made on this sink since the last call of this method are
     * released, and the function itself. Native code may call the function after the end, too.
     *
     * @return the pointer
     * @throws IllegalStateException if the subscription has ended, or no stub is left
     */
    MemorySegment releaseNotify();

    /**
     * Returns how many values the subscriber has requested and not received.
     *
     * @return the demand of the subscriber; {@code Long.MAX_VALUE} means unbounded
     */
    long requestedFromDownstream();

    /**
     * Returns whether the subscriber has cancelled, or the stream has ended.
     *
     * @return true if {@link #next} will return false
     */
    boolean isCancelled();

    /**
     * Returns the context of the subscriber.
     *
     * @return the context
     */
    ContextView contextView();

    /**
     * Returns the scheduler that values are delivered on.
     *
     * @return the scheduler of this subscription
     */
    CallbackScheduler scheduler();
}
