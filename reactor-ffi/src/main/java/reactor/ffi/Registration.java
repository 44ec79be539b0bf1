package reactor.ffi;

/**
 * Registers callbacks with a native library, and says how they are unregistered. It runs once for each subscription, on
 * the thread that subscribes, after {@code onSubscribe}. If a subscription of the same Flux was cancelled before and is not
 * yet unregistered, it runs after that, on the scheduler's thread. What it throws undoes what it had registered, in reverse
 * order, and becomes the error of the stream.
 *
 * @param <T> the type of the values
 */
@FunctionalInterface
public interface Registration<T> {

    /**
     * Registers.
     *
     * @param sink where callbacks are made and their values go
     * @throws Throwable whatever a native call throws
     */
    void register(NativeSink<T> sink) throws Throwable;
}
