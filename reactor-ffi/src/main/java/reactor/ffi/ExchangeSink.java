package reactor.ffi;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.call.AskingSink;

/**
 * The sink of {@link NativeFlux#exchange}, on which handlers ask questions that the subscriber answers.
 *
 * @param <Q> the question
 * @param <R> the answer
 */
public sealed interface ExchangeSink<Q, R extends @Nullable Object> extends NativeSink<Exchange<Q, R>>
        permits AskingSink {

    /**
     * Sends a question down the stream, and waits for its answer. A handler calls this method, on its native thread.
     * Interrupts do not end the wait; the interrupt flag is set again after the wait.
     *
     * @param request the question, with memory of its own: a segment that was an argument of the handler dies when the
     *     handler returns
     * @param timeout how long the calling thread waits, more than zero, for room in the queue and for the answer
     *     together
     * @param fallback the answer if no answer comes in time, if the subscription ends, or if the exchange is refused
     * @return the answer, or the fallback
     * @throws IllegalArgumentException if the timeout is zero or negative
     * @throws IllegalStateException if the calling thread is the scheduler's own, which the answer would have to come from
     */
    R ask(Q request, Duration timeout, R fallback);
}
