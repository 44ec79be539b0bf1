package reactor.ffi;

import org.jspecify.annotations.Nullable;

/**
 * Registers callbacks that ask: {@link Registration} for {@link NativeFlux#exchange}.
 *
 * @param <Q> the question
 * @param <R> the answer
 */
@FunctionalInterface
public interface ExchangeRegistration<Q, R extends @Nullable Object> {

    /**
     * Registers.
     *
     * @param sink where callbacks are made, and ask
     * @throws Throwable whatever a native call throws
     */
    void register(ExchangeSink<Q, R> sink) throws Throwable;
}
