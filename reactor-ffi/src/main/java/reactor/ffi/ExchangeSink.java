package reactor.ffi;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The sink of {@link NativeFlux#exchange}: its handlers ask, and the subscriber answers.
 *
 * @param <Q> the question
 * @param <R> the answer
 */
public interface ExchangeSink<Q, R extends @Nullable Object> extends NativeSink<Exchange<Q, R>> {

    /**
     * Sends a question down the stream, and waits for its answer. Inside a handler, on its native thread. Interrupts do not
     * end the wait; the flag is set again afterwards.
     *
     * @param request the question: of its own memory, not a segment that dies when the handler returns
     * @param limit how long to wait, more than zero; a wait for room in the queue counts
     * @param fallback the answer if none comes in time, the subscription ends, or the exchange is refused
     * @return the answer, or the fallback
     * @throws IllegalArgumentException if the limit is not more than zero
     * @throws IllegalStateException on the scheduler's own thread, where nobody could answer
     */
    R ask(Q request, Duration limit, R fallback);
}
