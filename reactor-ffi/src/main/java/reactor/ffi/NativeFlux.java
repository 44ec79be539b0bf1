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
 * <p>A subscription runs the registration, and keeps the JVM alive; the end of the subscription unregisters, and lets
 * the JVM exit. Handlers run concurrently on native threads; values arrive serially on one {@link CallbackScheduler}.
 */
public final class NativeFlux {

    private NativeFlux() {}

    /**
     * Makes a stream with default options: the shared scheduler, and native threads that wait when 8192 values are
     * queued.
     *
     * @param registration registers callbacks, once for each subscription, on the subscribing thread
     * @param <T> the type of the values
     * @return a cold {@link Flux}; its subscription fails with a {@link
     *     java.util.concurrent.RejectedExecutionException} if the scheduler is disposed, and with an {@link
     *     IllegalStateException} if the JVM is shutting down
     */
    public static <T> Flux<T> create(Registration<? super NativeSink<T>> registration) {
        return create(CallbackOptions.defaults(), registration);
    }

    /**
     * Makes a stream that registers for each of its subscribers.
     *
     * @param options the name, scheduler and limits of the stream
     * @param registration registers callbacks, once for each subscription, on the subscribing thread
     * @param <T> the type of the values
     * @return a cold {@link Flux}; its subscription fails with a {@link
     *     java.util.concurrent.RejectedExecutionException} if the scheduler is disposed, and with an {@link
     *     IllegalStateException} if the JVM is shutting down
     */
    public static <T> Flux<T> create(CallbackOptions options, Registration<? super NativeSink<T>> registration) {
        return FluxNative.create(requireNonNull(options, "options"), requireNonNull(registration, "registration"));
    }

    /**
     * Makes a hot stream, whose subscribers share one registration. The first subscription registers, the end of the
     * last subscription unregisters, and the next subscription registers anew. Each subscriber has its own demand,
     * queue and policy, so a slow subscriber delays no other; but with {@link Overflow#block} native threads wait for
     * the slowest subscriber. A value that comes when the last subscriber has just cancelled goes to the discard hook
     * of that subscriber.
     *
     * <p>The registration runs on the scheduler's thread, and {@code subscribe} does not wait for the registration:
     * {@link CallbackOptions#onRegistered(NativeAction)} tells when it has returned. {@link NativeSink#contextView} is
     * the context of the first subscriber, {@link NativeSink#requestedFromDownstream} the smallest demand of all
     * subscribers, and {@link NativeSink#onRequest} is called once, with unbounded demand.
     *
     * @param options the name, scheduler and limits of the stream
     * @param registration registers callbacks, once while there are subscribers
     * @param <T> the type of the values
     * @return a hot {@link Flux}; its subscription fails with a {@link java.util.concurrent.RejectedExecutionException}
     *     if the scheduler is disposed, and with an {@link IllegalStateException} if the JVM is shutting down
     */
    public static <T> Flux<T> share(CallbackOptions options, Registration<? super NativeSink<T>> registration) {
        return FluxNative.share(requireNonNull(options, "options"), requireNonNull(registration, "registration"));
    }

    /**
     * Makes a stream of questions: a native thread waits inside {@link ExchangeSink#ask} until the subscriber, or other
     * code that the subscriber passes the {@link Exchange} to, has answered.
     *
     * @param options the name, scheduler, limits and error handler of the stream
     * @param registration registers callbacks that ask, once for each subscription, on the subscribing thread
     * @param <Q> the question
     * @param <R> the answer
     * @return a cold {@link Flux}; its subscription fails with a {@link
     *     java.util.concurrent.RejectedExecutionException} if the scheduler is disposed, and with an {@link
     *     IllegalStateException} if the JVM is shutting down
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
