package reactor.ffi;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.call.AskingSink;

/**
 * The sink of {@link NativeFlux#exchange}: its handlers ask, and the subscriber answers.
 *
 * @param <Q> the question
 * @param <R> the answer
 */
public sealed interface ExchangeSink<Q, R extends @Nullable Object> extends NativeSink<Exchange<Q, R>>
        permits AskingSink {

    /**
     * Sends a question down the stream, and waits for its answer. Inside a handler, on its native thread. Interrupts do not
     * end the wait; the flag is set again afterwards.
     *
     * @param request the question: of its own memory, not a segment that dies when the handler returns
     * @param timeout how long to wait, more than zero; a wait for room in the queue counts
     * @param fallback the answer if none comes in time, the subscription ends, or the exchange is refused
     * @return the answer, or the fallback
     * @throws IllegalArgumentException if the timeout is zero or negative
     * @throws IllegalStateException if the calling thread is the scheduler's own, which the answer would have to come from
     */
    R ask(Q request, Duration timeout, R fallback);
}
