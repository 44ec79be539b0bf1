package reactor.ffi;

import org.jspecify.annotations.Nullable;

/**
 * A question of native code whose answer takes its time: the native thread waits inside {@link ExchangeSink#ask} while
 * the stream carries this exchange. Any thread may answer, once; each method that answers returns whether its answer
 * was the first, and in time.
 *
 * <p>If no thread answers before the timeout, the native thread gets the fallback. The native thread gets the fallback
 * at once if the queue of the stream discards the exchange, and if the subscription ends. An operator downstream may
 * drop an exchange too: add {@code doOnDiscard(Exchange.class, Exchange::refuse)}, as {@link
 * reactor.core.publisher.Flux#doOnDiscard} says.
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
