package reactor.ffi;

/**
 * Registers callbacks with a native library, and says how they are unregistered. {@link NativeFlux} runs a registration once
 * for each subscription, on the thread that subscribes, after {@code onSubscribe}. If a subscription of the same {@code Flux}
 * was cancelled before and is not yet unregistered, the registration runs after that, on the scheduler's thread. What a
 * registration throws undoes what the registration had made, in reverse order, and becomes the error of the stream.
 *
 * @param <S> the kind of sink: {@link NativeSink}, or {@link ExchangeSink} for {@link NativeFlux#exchange}
 */
@FunctionalInterface
public interface Registration<S extends NativeSink<?>> {

    /**
     * Registers callbacks with the native library.
     *
     * @param sink where callbacks are made, and where their values go
     * @throws Throwable whatever a native call throws
     */
    void register(S sink) throws Throwable;
}
