package reactor.ffi.spring;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.Registration;

/**
 * Makes the native streams of an application: with its scheduler and the properties {@code reactor.ffi.overflow.*}, seen by
 * its health endpoint, and completed when the application stops.
 *
 * <pre>{@code
 * @Bean
 * Flux<Reading> readings(CallbackStreams streams) {
 *     return streams.share(streams.options("readings"), sink -> ...);
 * }
 * }</pre>
 *
 * <p>When the application stops, the streams complete before the web server waits for open requests: the values that are
 * queued are delivered, and then the source is unregistered. The application goes on with its stop when all sources are
 * unregistered, and after {@code reactor.ffi.shutdown.timeout} at the latest.
 *
 * <p>All methods may be called from any thread.
 */
public final class CallbackStreams {

    private final CallbackScheduler scheduler;
    private final Overflow overflow;
    private final Map<String, StreamState> states = new ConcurrentHashMap<>();

    /** The live registrations. */
    private final Set<NativeSink<?>> live = ConcurrentHashMap.newKeySet();

    /** Completes when a stop has unregistered all streams, or has waited for the limit. Each start makes a new one. */
    private volatile Sinks.Empty<Void> stopping = Sinks.empty();

    private volatile boolean stopped;

    /** Completes when, after a stop, no registration is left. */
    private volatile Sinks.Empty<Void> unregistered = Sinks.empty();

    /**
     * Makes the streams of an application. The auto-configuration calls this; a test may do so, too.
     *
     * @param scheduler the scheduler that {@link #options} names
     * @param overflow the policy that {@link #options} names
     */
    public CallbackStreams(CallbackScheduler scheduler, Overflow overflow) {
        this.scheduler = requireNonNull(scheduler, "scheduler");
        this.overflow = requireNonNull(overflow, "overflow");
    }

    /**
     * Returns options with the application's scheduler, and the overflow policy of its properties.
     *
     * @param name what the stream is called in logs, metrics and health, not blank
     * @return options with the application's scheduler and overflow policy
     * @throws IllegalArgumentException if the name is blank
     */
    public CallbackOptions options(String name) {
        return CallbackOptions.named(name).on(scheduler).overflow(overflow);
    }

    /**
     * {@link NativeFlux#create(CallbackOptions, Registration)} as a stream of the application.
     *
     * @param options its name, scheduler, and limits
     * @param registration registers callbacks, once for each subscription
     * @param <T> the type of the values
     * @return a cold Flux that completes when the application stops
     * @throws IllegalCallerException if the JVM denies native access
     */
    public <T> Flux<T> create(CallbackOptions options, Registration<? super NativeSink<T>> registration) {
        StreamState state = stateOf(options, registration);
        return untilStop(
                NativeFlux.create(options, watched(state, registration)).doOnError(state::failed));
    }

    /**
     * {@link NativeFlux#share(CallbackOptions, Registration)} as a stream of the application.
     *
     * @param options its name, scheduler, and limits
     * @param registration registers callbacks, once while there are subscribers
     * @param <T> the type of the values
     * @return a hot Flux that completes when the application stops
     * @throws IllegalCallerException if the JVM denies native access
     */
    public <T> Flux<T> share(CallbackOptions options, Registration<? super NativeSink<T>> registration) {
        StreamState state = stateOf(options, registration);
        return untilStop(NativeFlux.share(options, watched(state, registration)).doOnError(state::failed));
    }

    /**
     * Completes a stream when the application stops, before the web server waits for open requests. For streams that have no
     * end of their own and are not made here, such as {@code Flux.interval}.
     *
     * @param flux any stream
     * @param <T> the type of the values
     * @return the same values; the stream is cancelled, and completes, when the application stops
     */
    public <T> Flux<T> untilStop(Flux<T> flux) {
        requireNonNull(flux, "flux");
        return Flux.defer(() -> flux.takeUntilOther(stopping.asMono()));
    }

    /**
     * Tells the health endpoint that the source of a stream is connected, to a broker or a device for example. A stream that
     * is registered counts as connected until {@link #disconnected} is called.
     *
     * @param name the name of the stream
     * @param detail to whom or to what
     */
    public void connected(String name, String detail) {
        requireNonNull(detail, "detail");
        state(requireNonNull(name, "name")).connected(detail);
    }

    /**
     * Tells the health endpoint that the source of a stream has lost its connection: the endpoint answers {@code DOWN} until
     * {@link #connected} is called, or the stream is registered anew.
     *
     * @param name the name of the stream
     * @param why why the connection was lost
     */
    public void disconnected(String name, String why) {
        requireNonNull(why, "why");
        state(requireNonNull(name, "name")).disconnected(why);
    }

    /**
     * Calls a restricted method, so that an application that declares a stream fails at its start if native access is denied.
     */
    @SuppressWarnings("restricted")
    private StreamState stateOf(CallbackOptions options, Registration<?> registration) {
        requireNonNull(options, "options");
        requireNonNull(registration, "registration");
        MemorySegment.NULL.reinterpret(0);
        return state(options.name());
    }

    private StreamState state(String name) {
        return states.computeIfAbsent(name, _ -> new StreamState());
    }

    private <T> Registration<NativeSink<T>> watched(
            StreamState state, Registration<? super NativeSink<T>> registration) {
        return sink -> {
            state.registered();
            live.add(sink);
            sink.onDispose(
                    () -> { // pushed first, so that this action runs when all else is undone
                        state.unregistered();
                        live.remove(sink);
                        if (stopped && live.isEmpty()) {
                            unregistered.tryEmitEmpty();
                        }
                    });
            if (stopped) { // read after the add: either stop() completes this sink, or this method does
                sink.complete();
            } else {
                registration.register(sink);
            }
        };
    }

    void start() {
        if (stopped) {
            stopping = Sinks.empty();
            unregistered = Sinks.empty();
            stopped = false;
        }
    }

    /** Completes all streams. The result completes when all are unregistered, and after the limit at the latest. */
    Mono<Void> stop(Duration limit) {
        stopped = true;
        live.forEach(NativeSink::complete);
        if (live.isEmpty()) {
            unregistered.tryEmitEmpty();
        }
        // Streams may be left: the library's shutdown hook, which runs at the same time, unregisters without a signal;
        // and
        // a stream whose subscriber has no demand does not complete before its queue is empty.
        return unregistered.asMono().timeout(limit, Mono.empty()).doFinally(_ -> stopping.tryEmitEmpty());
    }

    boolean isRunning() {
        return !stopped;
    }

    /** The state of each stream, by its name. */
    Map<String, StreamState> states() {
        return new TreeMap<>(states);
    }
}
