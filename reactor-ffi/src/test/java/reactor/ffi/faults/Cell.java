package reactor.ffi.faults;

import static org.awaitility.Awaitility.await;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.Registration;
import reactor.ffi.SchedulerMetrics;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Source;
import reactor.ffi.internal.life.Tokens;

/** One place and one fault: the world that the place's code runs in, and what has to hold in it afterwards. */
final class Cell {

    static final long ID = 1_000;
    static final long FALLBACK = -7;

    private static final Duration SOON = Duration.ofSeconds(10);
    private static final AtomicInteger NAMES = new AtomicInteger();

    final Fault fault;
    final String name = "faults-" + NAMES.incrementAndGet();
    final CallbackScheduler scheduler = CallbackScheduler.create(name);

    /** For what has no queue. */
    final CallbackOptions unqueued = CallbackOptions.named(name).on(scheduler);

    final CallbackOptions options = unqueued.overflow(Overflow.block(64, SOON));

    private final long tokens = Tokens.out();
    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong handled = new AtomicLong();
    private final AtomicLong fallbacks = new AtomicLong();
    private final AtomicInteger registered = new AtomicInteger();
    private final AtomicInteger unregistered = new AtomicInteger();

    /** What C calls; NULL if the place has no callback. */
    volatile MemorySegment pointer = MemorySegment.NULL;

    /** What C gets for a call that is not answered. */
    volatile long fallback = FALLBACK;

    Cell(Fault fault) {
        this.fault = fault;
    }

    /** The user's fault. */
    void raise() {
        fault.raise();
    }

    // ---- what a place is made of

    /** Registers a callback whose handler does that with each value. */
    void register(NativeSink<?> sink, LongConsumer handler) {
        registered.incrementAndGet();
        sink.onDispose(unregistered::incrementAndGet);
        pointer = sink.callback(OnAsk.class, answering(handler), (thread, sequence, id) -> FALLBACK);
    }

    /** A handler that does that, and answers. */
    OnAsk answering(LongConsumer handler) {
        return (thread, sequence, id) -> {
            handler.accept(sequence);
            handled.incrementAndGet();
            return sequence + id;
        };
    }

    /** A stream of what C passes. */
    Flux<Long> stream() {
        return NativeFlux.create(options, this::events);
    }

    void events(NativeSink<Long> sink) {
        register(sink, sink::next);
    }

    Probe subscribe(Registration<NativeSink<Long>> registration) {
        return subscribe(NativeFlux.create(options, registration), "nowhere");
    }

    Probe subscribe(Flux<Long> flux, String raisesIn) {
        Probe probe = new Probe(raisesIn);
        flux.subscribe(probe);
        return probe;
    }

    /** So many calls from a new native thread; returns when it has ended. */
    void fire(int n) {
        calls(source -> {
            source.start(1, n, 0);
            source.await();
        });
    }

    /** So many calls on this thread. */
    void fireHere(int n) {
        calls(source -> source.run(n, 0));
    }

    private void calls(Consumer<Source> fire) {
        try (Source source = Source.asking(pointer, ID, fallback)) {
            fire.accept(source);
            calls.addAndGet(source.calls());
            fallbacks.addAndGet(source.fallbackAnswers());
            check(source.wrongAnswers() == 0, "C got what is neither the answer nor the fallback");
        }
    }

    /** Runs it as a task, and returns when it has run. */
    void onScheduler(Runnable task) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        scheduler.schedule(() -> {
            try {
                task.run();
            } finally {
                done.complete(null);
            }
        });
        done.orTimeout(SOON.toSeconds(), TimeUnit.SECONDS).join();
    }

    /** Runs what is to throw in this thread's face. */
    static void thrown(Runnable user) {
        try {
            user.run();
        } catch (Throwable e) {
            Seen.THROWN.add(e);
        }
    }

    CallbackMetrics metrics() {
        return CallbackMetrics.of(name);
    }

    static void eventually(String what, Callable<Boolean> holds) {
        await(what)
                .atMost(SOON)
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .until(holds);
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    // ---- what has to hold

    /** Does what the place does with the fault, and sees that nobody else is harmed and nothing lost. */
    void run(Place place) {
        Seen.clear();
        try {
            place.body().accept(this);
            eventually("the error is " + place.seen(), () -> isSeen(place));
            eventually(
                    "nothing is left on the scheduler",
                    () -> SchedulerMetrics.of(scheduler).sources() == 0);
            eventually("the tokens are back", () -> Tokens.out() == tokens);
            check(
                    unregistered.get() == registered.get(),
                    registered + " registered, " + unregistered + " unregistered");
            lateCallsGetTheFallback();
            nothingIsUncounted();
            if (!scheduler.isDisposed()) {
                theSchedulerGoesOn();
            }
        } finally {
            scheduler.disposeGracefully().block(SOON);
        }
    }

    /** In the log, by its name, where it cannot say more. */
    private boolean isSeen(Place place) {
        return place.seen().stream().anyMatch(where -> where.has(fault))
                || (fault == Fault.SPEECHLESS && Seen.LOG.has(fault));
    }

    private void lateCallsGetTheFallback() {
        if (!pointer.equals(MemorySegment.NULL)) {
            long late = metrics().lateCalls();
            fire(2);
            check(metrics().lateCalls() == late + 2, "the pointer is not inert");
        }
    }

    private void nothingIsUncounted() {
        CallbackMetrics m = metrics();
        long failed = m.failedCalls() + m.lateCalls() + m.refusedCalls();
        check(calls.get() == handled.get() + failed, calls + " calls, " + handled + " handled, " + m);
        check(fallbacks.get() == failed, fallbacks + " fallbacks, " + m);
        check(m.events() == m.delivered() + m.discarded() && m.queued() == 0, "values: " + m);
        check(m.subscribers() == 0 && m.waiting() == 0, m.toString());
    }

    private void theSchedulerGoesOn() {
        List<Long> values = NativeFlux.<Long>create(
                        CallbackOptions.named("after").on(scheduler), sink -> {
                            MemorySegment next =
                                    sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                            Calls.fromThreads(next, 1, 3, 1);
                        })
                .take(3)
                .collectList()
                .block(SOON);
        check(List.of(0L, 1L, 2L).equals(values), "the scheduler has delivered " + values);
    }

    /** A subscriber with nothing of Reactor's between it and the source: what it throws goes there. */
    final class Probe implements CoreSubscriber<Long> {

        private final String raisesIn;
        final AtomicInteger values = new AtomicInteger();
        final AtomicInteger ends = new AtomicInteger();
        volatile Subscription subscription;

        Probe(String raisesIn) {
            this.raisesIn = raisesIn;
        }

        @Override
        public void onSubscribe(Subscription subscription) {
            this.subscription = subscription;
            subscription.request(Long.MAX_VALUE);
            raise("onSubscribe");
        }

        @Override
        public void onNext(Long value) {
            values.incrementAndGet();
            raise("onNext");
        }

        @Override
        public void onError(Throwable error) {
            Seen.SIGNAL.add(error);
            ends.incrementAndGet();
            raise("onError");
        }

        @Override
        public void onComplete() {
            ends.incrementAndGet();
            raise("onComplete");
        }

        private void raise(String here) {
            if (raisesIn.equals(here)) {
                Cell.this.raise();
            }
        }
    }
}
