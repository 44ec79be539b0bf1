package reactor.ffi;

import org.jspecify.annotations.Nullable;

/**
 * A question of native code whose answer takes its time: the native thread waits inside {@link ExchangeSink#ask} while the
 * stream carries this. Any thread may answer, once; each method says whether it was in time.
 *
 * <p>An exchange that nobody answers is answered by its limit, with the fallback. Those that the stream's own queue discards,
 * and all that are open when the subscription ends, get the fallback at once. For those that an operator downstream drops,
 * add {@code doOnDiscard(Exchange.class, Exchange::refuse)}.
 *
 * <p>An application may implement this interface: a test of the part that answers needs no native code then. A method that a
 * later version adds has a default. Sinks and schedulers are sealed: a test of a registration subscribes to its
 * {@link NativeFlux}, and calls the pointer by {@link CFunction#at(java.lang.foreign.MemorySegment, Class) CFunction.at}.
 *
 * @param <Q> the question
 * @param <R> the answer
 */
public interface Exchange<Q, R extends @Nullable Object> {

    /**
     * Returns what native code asks.
     *
     * @return the request given to {@link ExchangeSink#ask}
     */
    Q request();

    /**
     * Answers the native thread, which returns the answer to C.
     *
     * @param answer what {@link ExchangeSink#ask} returns
     * @return false if it was answered before, or too late
     */
    boolean reply(R answer);

    /**
     * Gives the fallback, and reports the error as {@link CallbackOptions#onError} says.
     *
     * @param error why there is no answer
     * @return false if it was answered before, or too late; the error is reported all the same
     */
    boolean fail(Throwable error);

    /**
     * Gives the fallback.
     *
     * @return false if it was answered before, or too late
     */
    boolean refuse();
}
