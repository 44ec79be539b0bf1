package reactor.ffi;

import static java.util.Objects.requireNonNull;

import reactor.core.publisher.Flux;
import reactor.ffi.internal.stream.FluxNative;

/**
 * Makes a {@link Flux} of a native event source.
 *
 * <pre>{@code
 * Flux<Reading> readings = NativeFlux.create(sink -> {
 *     MemorySegment pointer = sink.callback(OnReading.class,
 *             (sensor, celsius, userData) -> sink.next(new Reading(sensor, celsius)));
 *     sensor_start(pointer, MemorySegment.NULL);
 *     sink.onDispose(() -> sensor_stop());
 * });
 * }</pre>
 *
 * <p>Subscribing registers and keeps the JVM alive; the end of the subscription unregisters and lets it exit. Handlers run on
 * native threads, and concurrently; values arrive serially on one {@link CallbackScheduler}.
 */
public final class NativeFlux {

    private NativeFlux() {}

    /**
     * A stream with default options: the shared scheduler, and native threads that wait when 8192 values are queued.
     *
     * @param registration registers callbacks, once for each subscription, on the subscribing thread
     * @param <T> the type of the values
     * @return a cold Flux; subscribing fails if the scheduler is disposed or the JVM is shutting down
     */
    public static <T> Flux<T> create(Registration<T> registration) {
        return create(CallbackOptions.defaults(), registration);
    }

    /**
     * A stream.
     *
     * @param options its name, scheduler, and limits
     * @param registration registers callbacks, once for each subscription, on the subscribing thread
     * @param <T> the type of the values
     * @return a cold Flux; subscribing fails if the scheduler is disposed or the JVM is shutting down
     */
    public static <T> Flux<T> create(CallbackOptions options, Registration<T> registration) {
        return FluxNative.create(requireNonNull(options, "options"), requireNonNull(registration, "registration"));
    }
}
