package reactor.ffi.environments;

import static reactor.ffi.environments.Round.LIMIT;
import static reactor.ffi.environments.Round.THREADS;
import static reactor.ffi.environments.Round.check;
import static reactor.ffi.environments.Round.done;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnMessage;
import reactor.ffi.fixture.Callbacks.OnReading;
import reactor.ffi.fixture.Callbacks.OnText;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.Memory;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Until;

/** The parts of a {@link Round} that are streams. */
final class StreamParts {

    private final Round round;

    StreamParts(Round round) {
        this.round = round;
    }

    void run() throws Exception {
        long total = THREADS * round.each;
        for (Overflow overflow : List.of(
                Overflow.block(64, LIMIT),
                Overflow.error((int) total),
                Overflow.dropNewest(16),
                Overflow.dropOldest(16),
                Overflow.latest(),
                Overflow.unbounded())) {
            policy(overflow, total);
        }
        done("policies");
        arguments();
        done("arguments");
        churn();
        done("churn");
        lateCalls();
        done("late calls");
        failedStream();
        done("a failed stream");
        sharedStream();
        done("a shared stream");
        shortLivedThreads();
        done("short-lived threads");
        disposedScheduler();
        done("a disposed scheduler");
    }

    private void policy(Overflow overflow, long total) {
        String name = "stream " + overflow;
        LongAdder discarded = new LongAdder();
        long[] last = new long[THREADS];
        AtomicInteger disorder = new AtomicInteger();
        long delivered = NativeFlux.<Long>create(round.options(name).overflow(overflow), sink -> {
                    Source source = Source.events(
                            sink.callback(
                                    OnEvent.class,
                                    (thread, sequence, id) -> sink.next((long) thread << 40 | (sequence + 1))),
                            0);
                    sink.onDispose(source::close);
                    source.start(THREADS, round.each, 0);
                    completesAfter(source, sink);
                })
                .doOnNext(value -> {
                    int thread = (int) (value >>> 40);
                    long sequence = value & 0xFF_FFFF_FFFFL;
                    disorder.addAndGet(sequence > last[thread] ? 0 : 1);
                    last[thread] = sequence;
                })
                .doOnDiscard(Long.class, value -> discarded.increment())
                .count()
                .block(LIMIT);
        CallbackMetrics metrics = CallbackMetrics.of(name);
        check(name + ": events", metrics.events(), total);
        check(name + ": delivered", metrics.delivered(), delivered);
        check(name + ": discarded", metrics.discarded(), discarded.sum());
        check(name + ": values", delivered + discarded.sum(), total);
        check(name + ": out of order", disorder.get(), 0);
        check(name + ": turned away", metrics.lateCalls() + metrics.failedCalls() + metrics.refusedCalls(), 0);
        if (overflow.policy() != Overflow.Policy.DROP_NEWEST && overflow.policy() != Overflow.Policy.DROP_OLDEST) {
            check(name + ": lost", discarded.sum(), 0);
        }
    }

    /** A native loop, as far as the library knows. */
    private static void completesAfter(Source source, NativeSink<?> sink) {
        sink.runLoop(() -> {
            source.await();
            return true;
        });
    }

    private void arguments() {
        AtomicInteger right = new AtomicInteger();
        int dead = 0;
        AtomicReference<MemorySegment> kept = new AtomicReference<>();
        NativeCallback<OnText> text = NativeCallback.direct(OnText.class, (bytes, length) -> {
            right.addAndGet(bytes.getString(0).equals("zwölf") && length == 6 ? 1 : 0);
            kept.set(bytes);
        });
        try (Arena arena = Arena.ofConfined()) {
            for (int i = 0; i < 200; i++) {
                Memory.text(text.pointer(), arena.allocateFrom("zwölf"), i % 2 == 0);
                try {
                    kept.get().getString(0);
                } catch (IllegalStateException | WrongThreadException guarded) {
                    dead++;
                }
            }
        }
        text.close();
        check("texts", right.get(), 200);
        check("uses after the call", dead, 200);
        long messages = NativeFlux.<Long>create(round.options("messages"), sink -> {
                    OnMessage free = Memory::freeMessage;
                    Source source = Source.messages(
                            sink.callback(
                                    OnMessage.class,
                                    message -> {
                                        sink.next(1L);
                                        Memory.freeMessage(message);
                                    },
                                    free),
                            0);
                    sink.onDispose(source::close);
                    source.start(THREADS, 100, 0);
                    completesAfter(source, sink);
                })
                .count()
                .block(LIMIT);
        check("messages", messages, THREADS * 100);
        check("messages that live", Memory.liveMessages(), 0);
    }

    /** Each subscription is cancelled in its third onNext, while two threads go on to fire, and frees what they use. */
    private void churn() throws InterruptedException {
        int rounds = 40;
        AtomicInteger dead = new AtomicInteger();
        Flux<Long> readings = NativeFlux.create(round.options("churn").overflow(Overflow.dropNewest(16)), sink -> {
            MemorySegment pointer = sink.callback(OnReading.class, (sequence, value, context) -> {
                dead.addAndGet(Memory.contextDiesWithin(context, 5_000) ? 1 : 0);
                sink.next(sequence);
            });
            Source source = Source.readingsWithContext(pointer);
            source.onDestroyed(sink.releaseNotify(), MemorySegment.NULL);
            sink.onDispose(source::close);
            source.start(2, -1, 0);
        });
        check("churn", readings.take(3).repeat(rounds - 1).count().block(LIMIT), 3L * rounds);
        Until.that(
                "nobody is subscribed",
                () -> CallbackMetrics.of("churn").subscribers() == 0); // the last one ends behind its cancel
        check("dead contexts", dead.get(), 0);
    }

    private void lateCalls() throws InterruptedException {
        LongAdder handled = new LongAdder();
        AtomicReference<Source> source = new AtomicReference<>();
        NativeFlux.<Long>create(round.options("late").overflow(Overflow.dropNewest(16)), sink -> {
                    source.set(Source.events(
                            sink.callback(OnEvent.class, (thread, sequence, id) -> {
                                handled.increment();
                                sink.next(sequence);
                            }),
                            0));
                    sink.onDispose(() -> source.get().stopLate(20_000_000));
                    source.get().start(2, -1, 10_000);
                })
                .take(10)
                .blockLast(LIMIT);
        Until.that("no thread of C runs", () -> source.get().running() == 0);
        long late = CallbackMetrics.of("late").lateCalls();
        check("some are late", Math.min(1, late), 1);
        check("calls", source.get().calls(), handled.sum() + late);
        source.get().close();
    }

    private void failedStream() {
        AtomicInteger handled = new AtomicInteger();
        String error = NativeFlux.<Long>create(round.options("failed"), sink -> {
                    MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                        if (sequence == 4) {
                            throw new IllegalStateException("the fifth");
                        }
                        handled.incrementAndGet();
                        sink.next(sequence);
                    });
                    Calls.fromThreads(pointer, 1, 10, 0);
                })
                .then(Mono.just("none"))
                .onErrorResume(thrown -> Mono.just(thrown.getMessage()))
                .block(LIMIT);
        check(error, error.equals("the fifth") ? 1 : 0, 1);
        CallbackMetrics metrics = CallbackMetrics.of("failed");
        check("failed calls", metrics.failedCalls(), 1);
        check("handled", handled.get() + metrics.lateCalls(), 9);
    }

    private void sharedStream() {
        long total = THREADS * 500L;
        AtomicReference<Source> source = new AtomicReference<>();
        AtomicInteger registrations = new AtomicInteger();
        Flux<Long> shared = NativeFlux.share(round.options("shared"), sink -> {
            registrations.incrementAndGet();
            source.set(Source.events(sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 0));
            sink.onDispose(source.get()::close);
        });
        Mono<Long> first = shared.take(total).count();
        Mono<Long> second = shared.take(total / 2).count();
        Mono<Boolean> start = Mono.fromCallable(() -> {
                    source.get().start(THREADS, 500, 0);
                    return true;
                })
                .subscribeOn(round.scheduler); // behind the tasks by which the two have joined
        long both = Mono.zip(first, second, start)
                .map(counts -> counts.getT1() * 10_000 + counts.getT2())
                .block(LIMIT);
        check("shared", both, total * 10_000 + total / 2);
        check("registrations", registrations.get(), 1);
    }

    private void shortLivedThreads() {
        int threads = 300;
        AtomicLong sum = new AtomicLong();
        NativeFlux.<Integer>create(round.options("short-lived"), sink -> {
                    MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(thread));
                    sink.runLoop(() -> Calls.fromShortLivedThreads(pointer, threads, 8, 0));
                })
                .doOnNext(sum::addAndGet)
                .blockLast(LIMIT);
        check("threads", sum.get(), threads * (threads - 1L) / 2);
    }

    private void disposedScheduler() throws InterruptedException {
        CallbackScheduler scheduler = CallbackScheduler.create("disposed");
        CallbackOptions options = CallbackOptions.named("disposed").on(scheduler);
        AtomicLong delivered = new AtomicLong();
        AtomicReference<Throwable> error = new AtomicReference<>();
        AtomicInteger unregistered = new AtomicInteger();
        Disposable _ = NativeFlux.<Long>create(options, sink -> {
                    Source source = Source.events(
                            sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 0);
                    sink.onDispose(() -> {
                        source.close();
                        unregistered.incrementAndGet();
                    });
                    source.start(THREADS, -1, 0);
                })
                .subscribe(value -> delivered.incrementAndGet(), error::set);
        Until.that("values come", () -> delivered.get() > 100);
        scheduler.disposeGracefully().block(LIMIT);
        check("unregistered", unregistered.get(), 1);
        check("rejected: " + error, error.get() instanceof RejectedExecutionException ? 1 : 0, 1);
        check("errors seen in C", Fixture.errorCount(), 0);
    }
}
