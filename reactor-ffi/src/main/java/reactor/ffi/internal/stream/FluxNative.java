package reactor.ffi.internal.stream;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import reactor.core.CoreSubscriber;
import reactor.core.Scannable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Operators;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeAction;
import reactor.ffi.NativeSink;
import reactor.ffi.Registration;
import reactor.ffi.internal.Trail;
import reactor.ffi.internal.loop.ExitHook;
import reactor.ffi.internal.loop.LoopScheduler;

/** The publisher of {@code NativeFlux}: each subscriber gets a registration of its own. */
public final class FluxNative<T> extends Flux<T> implements Scannable {

    private static final AtomicLong SOURCES = new AtomicLong();

    private final CallbackOptions options;
    private final Registration<? super NativeSink<T>> registration;
    private final LoopScheduler scheduler;

    /** The number of this source, by which the pool of slots knows registrations of the same source. */
    private final long source = SOURCES.incrementAndGet();

    private final Departures departures = new Departures();

    private final Subscribing subscribing = new Subscribing();

    private FluxNative(CallbackOptions options, Registration<? super NativeSink<T>> registration) {
        this.options = options;
        this.registration = registration;
        this.scheduler = (LoopScheduler) options.scheduler();
    }

    public static <T> Flux<T> create(CallbackOptions options, Registration<? super NativeSink<T>> registration) {
        NativeAction registered = options.onRegistered();
        return onAssembly(new FluxNative<>(options, sink -> {
            registration.register(sink);
            registered.run();
        }));
    }

    public static <T> Flux<T> share(CallbackOptions options, Registration<? super NativeSink<T>> registration) {
        Hub<T> hub = new Hub<>(options, registration, SOURCES.incrementAndGet());
        return onAssembly(new FluxNative<>(options, hub::join));
    }

    /**
     * Sets an action that runs when the subscription ends, after the last value was taken and before the first action of
     * the end.
     */
    public static void beforeUnregister(NativeSink<?> sink, NativeAction action) {
        ((NativeSubscription<?>) sink).beforeUnregister(action);
    }

    /**
     * Subscribes by way of {@code Flux.from}. That returns its argument, unless automatic context propagation is on:
     * then it wraps the subscriber. The operators repeat and retry, which subscribe again, leave the wrapping to the
     * source.
     */
    @Override
    public void subscribe(CoreSubscriber<? super T> actual) {
        from(subscribing).subscribe(actual);
    }

    private final class Subscribing extends Flux<T> {

        @Override
        public void subscribe(CoreSubscriber<? super T> actual) {
            NativeSubscription<T> subscription;
            try {
                subscription = new NativeSubscription<>(actual, options, scheduler, source, registration, departures);
                if (!subscription.begin()) {
                    if (Trail.isOn()) {
                        Trail.log(options.name(), "refuses a subscription: " + scheduler + " takes no new work");
                    }
                    throw refusal();
                }
            } catch (Throwable refused) { // no memory or no thread, too
                Operators.error(actual, refused);
                return;
            }
            try {
                actual.onSubscribe(subscription);
            } catch (Throwable broken) {
                subscription.cancel();
                subscription.register();
                throw broken;
            }
            subscription.register();
        }
    }

    private RuntimeException refusal() {
        return ExitHook.begun()
                ? new IllegalStateException("the JVM is shutting down: " + options.name() + " cannot be registered")
                : new RejectedExecutionException("the scheduler '" + scheduler.name() + "' of " + options.name()
                        + " is disposed; subscribe with one that lives");
    }

    @Override
    @SuppressWarnings("rawtypes") // as Reactor does
    public @Nullable Object scanUnsafe(Attr key) {
        return scan(key, options, scheduler);
    }

    /** Returns the attributes that the Flux and its subscriptions share. */
    @SuppressWarnings({"rawtypes", "ReferenceEquality"}) // as Reactor does: an Attr is a constant
    static @Nullable Object scan(Attr key, CallbackOptions options, LoopScheduler scheduler) {
        if (key == Attr.RUN_ON) {
            return scheduler;
        }
        if (key == Attr.RUN_STYLE) {
            return Attr.RunStyle.ASYNC;
        }
        if (key == Attr.NAME) {
            return options.name();
        }
        return null;
    }
}
