package reactor.ffi.environments;

import static reactor.ffi.environments.Round.FALLBACK;
import static reactor.ffi.environments.Round.LIMIT;
import static reactor.ffi.environments.Round.THREADS;
import static reactor.ffi.environments.Round.check;
import static reactor.ffi.environments.Round.done;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.Exchange;
import reactor.ffi.ExchangeSink;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Source;

/** The parts of a {@link Round} in which native code waits for an answer. */
final class AnswerParts {

    private static final OnAsk NO_ANSWER = (thread, sequence, id) -> FALLBACK;

    private final Round round;

    AnswerParts(Round round) {
        this.round = round;
    }

    void run() throws Exception {
        answers("hot", THREADS, round.each / 4, 0);
        done("hot answers");
        answers("parked", 1, 40, 1_000_000);
        done("answers after sleep");
        sameThread();
        done("answers on the same thread");
        lentTurn();
        done("answers on a lent turn");
        anotherScheduler();
        done("answers of another scheduler");
        tooLate();
        done("an answer too late");
        direct();
        done("direct answers");
        exchanges();
        done("exchanges");
    }

    private NativeCallback<OnAsk> asked(CallbackOptions options) {
        AtomicBoolean inside = new AtomicBoolean();
        return NativeCallback.threadSafe(
                options,
                CallbackType.of(OnAsk.class),
                (thread, sequence, id) -> {
                    if (!inside.compareAndSet(false, true)) {
                        return -1; // two at a time
                    }
                    inside.set(false);
                    return sequence + id;
                },
                NO_ANSWER);
    }

    private void answers(String name, int threads, long each, long pauseNs) {
        NativeCallback<OnAsk> callback = asked(round.options(name));
        try (Source source = Source.asking(callback.pointer(), 3, FALLBACK)) {
            source.start(threads, each, pauseNs).await();
            check(name + ": right", source.rightAnswers(), threads * each);
        }
        close(callback);
    }

    private static void close(NativeCallback<?> callback) {
        callback.close();
        callback.closed().block(LIMIT);
        check("refs of a closed callback", callback.refCount(), 0);
    }

    private void sameThread() {
        NativeCallback<OnAsk> callback = asked(round.options("same"));
        OnAsk ask = CFunction.at(callback.pointer(), OnAsk.class);
        check("on the scheduler", round.onScheduler(() -> ask.onAsk(0, 20, 1)), 21);
        check("on a Java thread", ask.onAsk(0, 30, 1), 31);
        close(callback);
        check("after the close", ask.onAsk(0, 40, 1), FALLBACK);
        check("late calls", CallbackMetrics.of("same").lateCalls(), 1);
    }

    /** Native threads that the scheduler's thread joins run the handler themselves, and some of them lend the turn again. */
    private void lentTurn() {
        NativeCallback<OnAsk> inner = asked(round.options("inner"));
        NativeCallback<OnAsk> outer = NativeCallback.synchronous(
                round.options("outer"),
                CallbackType.of(OnAsk.class),
                (thread, sequence, id) -> {
                    if (sequence % 10 == 0) {
                        return round.scheduler.callBlocking(() -> {
                            try (Source source = Source.asking(inner.pointer(), id, FALLBACK)) {
                                source.start(2, 2, 0).await();
                                return source.rightAnswers() == 4 ? sequence + id : -1;
                            }
                        });
                    }
                    return sequence + id;
                },
                NO_ANSWER);
        try (Source source = Source.asking(outer.pointer(), 5, FALLBACK)) {
            round.onScheduler(() -> {
                round.scheduler.runBlocking(() -> source.start(THREADS, 100, 0).await());
                return true;
            });
            check("lent: right", source.rightAnswers(), THREADS * 100);
        }
        close(outer);
        close(inner);
    }

    /** Which asks back, whose turn is lent meanwhile. */
    private void anotherScheduler() {
        CallbackScheduler other = CallbackScheduler.create("other");
        NativeCallback<OnAsk> here = asked(round.options("here"));
        OnAsk back = CFunction.at(here.pointer(), OnAsk.class);
        NativeCallback<OnAsk> there = NativeCallback.threadSafe(
                CallbackOptions.named("there").on(other).answerWithin(LIMIT),
                CallbackType.of(OnAsk.class),
                (thread, sequence, id) -> back.onAsk(thread, sequence, id) + 1,
                NO_ANSWER);
        OnAsk ask = CFunction.at(there.pointer(), OnAsk.class);
        for (int i = 0; i < 100; i++) {
            int sequence = i;
            check("there and back", round.onScheduler(() -> ask.onAsk(0, sequence, 7)), sequence + 8);
        }
        close(there);
        close(here);
        other.disposeGracefully().block(LIMIT);
    }

    private void tooLate() throws InterruptedException {
        AtomicReference<Throwable> error = new AtomicReference<>();
        NativeCallback<OnAsk> callback = asked(
                round.options("too late").answerWithin(Duration.ofMillis(30)).onError(error::set));
        CountDownLatch busy = new CountDownLatch(1);
        AtomicBoolean free = new AtomicBoolean();
        Disposable _ = round.scheduler.schedule(() -> {
            busy.countDown();
            while (!free.get()) {} // a task that takes its time
        });
        busy.await();
        long answer = CFunction.at(callback.pointer(), OnAsk.class).onAsk(0, 1, 1);
        free.set(true);
        check("too late", answer, FALLBACK);
        check("refused", CallbackMetrics.of("too late").refusedCalls(), 1);
        check("reported: " + error, error.get() == null ? 0 : 1, 1);
        close(callback);
    }

    private void direct() {
        NativeCallback<OnAsk> callback = NativeCallback.direct(
                CallbackOptions.defaults(),
                CallbackType.of(OnAsk.class),
                (thread, sequence, id) -> sequence + id,
                NO_ANSWER);
        try (Source source = Source.asking(callback.pointer(), 9, FALLBACK)) {
            source.start(THREADS, round.each, 0).await();
            check("direct: right", source.rightAnswers(), THREADS * round.each);
        }
        close(callback);
    }

    /** Answered on other threads; each tenth is refused. */
    private void exchanges() {
        long each = round.each / 10 / 10 * 10;
        AtomicReference<Source> asking = new AtomicReference<>();
        AtomicInteger inTime = new AtomicInteger();
        Flux<Exchange<Long, Long>> questions = NativeFlux.exchange(
                round.options("exchange").overflow(Overflow.block(2, LIMIT)), (ExchangeSink<Long, Long> sink) -> {
                    Source source = Source.asking(
                            sink.callback(
                                    OnAsk.class,
                                    (thread, sequence, id) -> sink.ask(sequence, LIMIT, FALLBACK),
                                    NO_ANSWER),
                            2,
                            FALLBACK);
                    asking.set(source);
                    sink.onDispose(source::stop);
                    source.start(THREADS, each, 0);
                    sink.runLoop(() -> {
                        source.await();
                        return true;
                    });
                });
        questions
                .publishOn(Schedulers.parallel())
                .doOnNext(question -> {
                    long sequence = question.request();
                    boolean heard = sequence % 10 == 0 ? question.refuse() : question.reply(sequence + 2);
                    inTime.addAndGet(heard ? 1 : 0);
                })
                .blockLast(LIMIT);
        try (Source source = asking.get()) {
            check("exchanged: right", source.rightAnswers(), THREADS * each * 9 / 10);
            check("exchanged: refused", source.fallbackAnswers(), THREADS * each / 10);
            check("in time", inTime.get(), THREADS * each);
        }
    }
}
