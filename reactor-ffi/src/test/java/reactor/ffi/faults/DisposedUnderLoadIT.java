package reactor.ffi.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.Confined;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Source;
import reactor.ffi.internal.life.Tokens;

/**
 * A scheduler that is disposed of with everything on it at full load: a stream, questions, an answered callback, a confined
 * value. Each ends, C has its answer or the fallback for each call, and all is counted. (In random orders, without the
 * confined value: {@code RandomLifetimesIT}.)
 */
class DisposedUnderLoadIT {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Duration LONG = Duration.ofHours(1);
    private static final long FALLBACK = -7;
    private static final OnAsk FALL_BACK = (thread, sequence, id) -> FALLBACK;

    private final AtomicLong handled = new AtomicLong();

    @RepeatedTest(6)
    void everythingOnItEndsAndEveryCallIsAnsweredAndCounted(RepetitionInfo repetition) throws Exception {
        String name = "under load " + repetition.getCurrentRepetition();
        long tokens = Tokens.out();
        CallbackScheduler scheduler = CallbackScheduler.create(name);
        CallbackOptions queued = CallbackOptions.named(name).on(scheduler).overflow(Overflow.block(64, LONG));
        CompletableFuture<Source> events = new CompletableFuture<>();
        CompletableFuture<Throwable> eventsEnd = new CompletableFuture<>();
        NativeFlux.<Long>create(queued, sink -> {
                    sink.onDispose(() -> events.join().stop());
                    events.complete(load(sink, value -> sink.next(value) ? 1 : 0));
                })
                .subscribe(value -> {}, eventsEnd::complete);
        CompletableFuture<Source> questions = new CompletableFuture<>();
        CompletableFuture<Throwable> questionsEnd = new CompletableFuture<>();
        NativeFlux.<Long, Long>exchange(queued, sink -> {
                    sink.onDispose(() -> questions.join().stop());
                    questions.complete(load(sink, value -> sink.ask(value, LONG, FALLBACK)));
                })
                .subscribe(exchange -> exchange.reply(exchange.request()), questionsEnd::complete);
        AtomicInteger released = new AtomicInteger();
        AtomicInteger sent = new AtomicInteger();
        AtomicInteger run = new AtomicInteger();
        Confined<String> confined = Confined.of(scheduler, "value", value -> released.incrementAndGet());
        Thread sender = Thread.ofPlatform().start(() -> {
            try {
                while (true) {
                    confined.send(value -> run.incrementAndGet());
                    sent.incrementAndGet();
                }
            } catch (IllegalStateException gone) {
                // it has ended
            }
        });
        try (NativeCallback<OnAsk> callback = NativeCallback.threadSafe(
                        CallbackOptions.named(name).on(scheduler).onError(error -> {}),
                        CallbackType.of(OnAsk.class),
                        handler(value -> 0),
                        FALL_BACK);
                Source answers = Source.asking(callback.pointer(), 1, FALLBACK).start(1, -1, 0)) {
            await().atMost(SOON).until(() -> sent.get() > 100 && answers.rightAnswers() > 10 && handled.get() > 300);

            scheduler.disposeGracefully().block(SOON);

            assertThat(eventsEnd.get()).isInstanceOf(RejectedExecutionException.class);
            assertThat(questionsEnd.get()).isInstanceOf(RejectedExecutionException.class);
            long before = answers.fallbackAnswers();
            await().atMost(SOON).until(() -> answers.fallbackAnswers() > before + 10);
            answers.stop();
            sender.join();
            assertThat(released).hasValue(1);
            assertThat(run.get()).isBetween(1, sent.get() + 1); // the last one may be queued and throw, or be refused
            isAllCounted(name, events.join(), questions.join(), answers);
        }
        assertThat(Tokens.out()).isEqualTo(tokens);
    }

    private OnAsk handler(ToLongFunction<Long> body) {
        return (thread, sequence, id) -> {
            long _ = body.applyAsLong(sequence);
            handled.incrementAndGet();
            return sequence + id;
        };
    }

    private Source load(NativeSink<?> sink, ToLongFunction<Long> body) {
        return Source.asking(sink.callback(OnAsk.class, handler(body), FALL_BACK), 1, FALLBACK)
                .start(2, -1, 0);
    }

    private void isAllCounted(String name, Source... sources) {
        long calls = 0;
        long right = 0;
        for (Source source : sources) {
            assertThat(source.running()).isZero();
            assertThat(source.wrongAnswers()).isZero();
            calls += source.calls();
            right += source.rightAnswers();
            source.close();
        }
        CallbackMetrics metrics = CallbackMetrics.of(name);
        assertThat(right).isEqualTo(handled.get());
        assertThat(calls - right).isEqualTo(metrics.failedCalls() + metrics.lateCalls() + metrics.refusedCalls());
        assertThat(metrics.failedCalls()).isZero();
        assertThat(metrics.events()).isEqualTo(metrics.delivered() + metrics.discarded());
        assertThat(metrics.queued() + metrics.waiting() + metrics.subscribers()).isZero();
    }
}
