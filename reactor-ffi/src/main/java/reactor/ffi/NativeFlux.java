package reactor.ffi;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.ffi.internal.call.AskingSink;
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
     * Makes a stream with default options: the shared scheduler, and native threads that wait when 8192 values are
     * queued.
     *
     * @param registration registers callbacks, once for each subscription, on the subscribing thread
     * @param <T> the type of the values
     * @return a cold Flux; subscribing fails with a {@code RejectedExecutionException} if the scheduler is disposed, and with an
     *     {@code IllegalStateException} if the JVM is shutting down
     */
    public static <T> Flux<T> create(Registration<? super NativeSink<T>> registration) {
        return create(CallbackOptions.defaults(), registration);
    }

    /**
     * Makes a stream that registers for each of its subscribers.
     *
     * @param options its name, scheduler, and limits
     * @param registration registers callbacks, once for each subscription, on the subscribing thread
     * @param <T> the type of the values
     * @return a cold Flux; subscribing fails with a {@code RejectedExecutionException} if the scheduler is disposed, and with an
     *     {@code IllegalStateException} if the JVM is shutting down
     */
    public static <T> Flux<T> create(CallbackOptions options, Registration<? super NativeSink<T>> registration) {
        return FluxNative.create(requireNonNull(options, "options"), requireNonNull(registration, "registration"));
    }

    /**
     * Makes a hot stream: one registration for all its subscribers. The first subscription registers, the end of the
     * last one unregisters, and the next registers anew. Each subscriber has demand, queue and policy of its own, so a
     * slow one hurts only itself; but with {@link Overflow#block} native threads wait for the slowest. What comes when
     * the last one has just gone is discarded by the hook of that one.
     *
     * <p>The registration runs on the scheduler's thread, after {@code subscribe} has returned or meanwhile: {@link
     * CallbackOptions#onRegistered(NativeAction)} tells when. Its {@code contextView} is that of the first subscriber,
     * {@code requested} the smallest demand, and {@code onRequest} is told of unbounded demand, once.
     *
     * @param options its name, scheduler, and limits
     * @param registration registers callbacks, once while there are subscribers
     * @param <T> the type of the values
     * @return a hot Flux; subscribing fails with a {@code RejectedExecutionException} if the scheduler is disposed, and with an
     *     {@code IllegalStateException} if the JVM is shutting down
     */
    public static <T> Flux<T> share(CallbackOptions options, Registration<? super NativeSink<T>> registration) {
        return FluxNative.share(requireNonNull(options, "options"), requireNonNull(registration, "registration"));
    }

    /**
     * Makes a stream of questions: native threads wait inside {@link ExchangeSink#ask} until the subscriber, or whoever
     * it hands the {@link Exchange} to, has answered.
     *
     * @param options its name, scheduler, limits, and error handler
     * @param registration registers callbacks that ask, once for each subscription, on the subscribing thread
     * @param <Q> the question
     * @param <R> the answer
     * @return a cold Flux; subscribing fails with a {@code RejectedExecutionException} if the scheduler is disposed, and with an
     *     {@code IllegalStateException} if the JVM is shutting down
     */
    public static <Q, R extends @Nullable Object> Flux<Exchange<Q, R>> exchange(
            CallbackOptions options, Registration<? super ExchangeSink<Q, R>> registration) {
        requireNonNull(options, "options");
        requireNonNull(registration, "registration");
        return FluxNative.create(options, sink -> {
            AskingSink<Q, R> asking = new AskingSink<>(sink, options);
            FluxNative.beforeUnregister(sink, asking::refuseAll);
            registration.register(asking);
        });
    }
}
