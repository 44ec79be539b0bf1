package reactor.ffi.internal.call;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.Exchange;
import reactor.ffi.ExchangeSink;
import reactor.ffi.ListenerType;
import reactor.ffi.NativeAction;
import reactor.ffi.NativeCall;
import reactor.ffi.NativeDemand;
import reactor.ffi.NativeSink;
import reactor.ffi.Records;
import reactor.ffi.internal.loop.Callers;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.util.context.ContextView;

/** The sink of a stream of exchanges. Holds the exchanges that are open, so that none outlives the subscription. */
public final class AskingSink<Q, R extends @Nullable Object> implements ExchangeSink<Q, R> {

    private final NativeSink<Exchange<Q, R>> sink;
    private final CallbackOptions options;
    private final LoopScheduler scheduler;
    private final Set<OpenExchange<Q, R>> open = ConcurrentHashMap.newKeySet();

    public AskingSink(NativeSink<Exchange<Q, R>> sink, CallbackOptions options) {
        this.sink = sink;
        this.options = options;
        this.scheduler = (LoopScheduler) options.scheduler();
    }

    @Override
    public R ask(Q request, Duration timeout, R fallback) {
        requireNonNull(request, "request");
        if (requireNonNull(timeout, "timeout").isNegative() || timeout.isZero()) {
            throw new IllegalArgumentException("timeout is " + timeout + "; it must be more than zero");
        }
        if (scheduler.thread().isCurrent()) {
            throw new IllegalStateException(
                    "ask on the scheduler's own thread, " + scheduler
                            + ": nobody could answer while it waits; let native code call from a thread of its own, or answer in the handler");
        }
        OpenExchange<Q, R> exchange =
                new OpenExchange<>(request, options.name(), options.onError(), TimeUnit.NANOSECONDS.convert(timeout));
        open.add(exchange);
        try {
            if (!sink.next(
                    exchange)) { // added before the look at the end: either the end of the subscription refuses the
                // exchange, or the end is seen here
                return fallback;
            }
            return Callers.lendHeld(() -> exchange.await(fallback, scheduler.thread()));
        } finally {
            open.remove(exchange);
        }
    }

    /** Refuses all open exchanges, so that their callers return with the fallback. Called when the subscription ends. */
    public void refuseAll() {
        open.forEach(OpenExchange::refuse);
    }

    // ---- the stream's

    @Override
    public <F> MemorySegment callback(CallbackType<F> type, F handler) {
        return sink.callback(type, handler);
    }

    @Override
    public <F> MemorySegment callback(CallbackType<F> type, F handler, F fallback) {
        return sink.callback(type, handler, fallback);
    }

    @Override
    public <F> MemorySegment listener(ListenerType<F> type, F handler) {
        requireNonNull(handler, "handler");
        throw noListeners(type);
    }

    @Override
    public <F> MemorySegment batches(ListenerType<F> type, Consumer<? super Records> handler) {
        requireNonNull(handler, "handler");
        throw noListeners(type);
    }

    private static UnsupportedOperationException noListeners(ListenerType<?> type) {
        return new UnsupportedOperationException(
                "a stream of questions has no listeners, as C does not wait for the handler of "
                        + requireNonNull(type, "type") + ": use sink.callback");
    }

    @Override
    public boolean next(Exchange<Q, R> value) {
        return sink.next(value);
    }

    @Override
    public void complete() {
        sink.complete();
    }

    @Override
    public void error(Throwable error) {
        sink.error(error);
    }

    @Override
    public ExchangeSink<Q, R> onDispose(NativeAction action) {
        sink.onDispose(action);
        return this;
    }

    @Override
    public ExchangeSink<Q, R> onRequest(NativeDemand consumer) {
        sink.onRequest(consumer);
        return this;
    }

    @Override
    public ExchangeSink<Q, R> runLoop(NativeCall<?> loop) {
        sink.runLoop(loop);
        return this;
    }

    @Override
    public Arena arena() {
        return sink.arena();
    }

    @Override
    public MemorySegment userData() {
        return sink.userData();
    }

    @Override
    public void release(MemorySegment pointer) {
        sink.release(pointer);
    }

    @Override
    public MemorySegment releaseNotify() {
        return sink.releaseNotify();
    }

    @Override
    public long requestedFromDownstream() {
        return sink.requestedFromDownstream();
    }

    @Override
    public boolean isCancelled() {
        return sink.isCancelled();
    }

    @Override
    public ContextView contextView() {
        return sink.contextView();
    }

    @Override
    public CallbackScheduler scheduler() {
        return sink.scheduler();
    }
}
