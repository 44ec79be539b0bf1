package reactor.ffi.faults;

import static reactor.ffi.faults.Cell.check;
import static reactor.ffi.faults.Place.place;
import static reactor.ffi.faults.Seen.HANDLED;
import static reactor.ffi.faults.Seen.LOG;
import static reactor.ffi.faults.Seen.SIGNAL;
import static reactor.ffi.faults.Seen.THROWN;

import java.time.Duration;
import java.util.List;
import java.util.function.BiFunction;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.Exchange;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.fixture.Callbacks.OnAsk;

/** The user code that native code waits for: answered and direct callbacks, and exchanges. */
final class AnswerPlaces {

    private static final CallbackType<OnAsk> ON_ASK = CallbackType.of(OnAsk.class);
    private static final OnAsk FALLBACK = (thread, sequence, id) -> Cell.FALLBACK;
    private static final Duration LONG = Duration.ofSeconds(10);

    static final List<Place> ALL = List.of(
            place("an answered handler", cell -> callback(cell, AnswerPlaces::threadSafe), HANDLED),
            place("an answered handler on the scheduler's thread", AnswerPlaces::onTheScheduler, HANDLED),
            place("an answered handler on a lent turn", AnswerPlaces::onALentTurn, HANDLED),
            place("a direct handler", cell -> callback(cell, AnswerPlaces::direct), HANDLED),
            place("an error handler of the options", AnswerPlaces::errorHandler, HANDLED),
            place("a subscriber of closed()", AnswerPlaces::closed, THROWN, LOG),
            place("a handler that asks", AnswerPlaces::asking, SIGNAL),
            place("onNext, instead of a reply", AnswerPlaces::noReply, HANDLED),
            place("a reply that is being made", AnswerPlaces::reply, SIGNAL, HANDLED),
            place("an error handler, of a reply that failed", AnswerPlaces::failedReply, HANDLED),
            place("refuse of an exchange of the user's own", AnswerPlaces::ownExchange, HANDLED));

    private AnswerPlaces() {}

    private static NativeCallback<OnAsk> threadSafe(CallbackOptions options, OnAsk handler) {
        return NativeCallback.threadSafe(options, ON_ASK, handler, FALLBACK);
    }

    private static NativeCallback<OnAsk> direct(CallbackOptions options, OnAsk handler) {
        return NativeCallback.direct(options, ON_ASK, handler, FALLBACK);
    }

    private static OnAsk raisesFirst(Cell cell) {
        return cell.answering(sequence -> {
            if (sequence == 0) {
                cell.raise();
            }
        });
    }

    /** The first call fails, the next ones are answered. */
    private static void callback(Cell cell, BiFunction<CallbackOptions, OnAsk, NativeCallback<OnAsk>> kind) {
        try (NativeCallback<OnAsk> callback = kind.apply(cell.unqueued, raisesFirst(cell))) {
            cell.pointer = callback.pointer();
            cell.fire(3);
            check(cell.metrics().failedCalls() == 1, "one has failed: " + cell.metrics());
        }
    }

    static void onTheScheduler(Cell cell) {
        try (NativeCallback<OnAsk> callback = threadSafe(cell.unqueued, raisesFirst(cell))) {
            cell.pointer = callback.pointer();
            cell.onScheduler(() -> cell.fireHere(3));
            check(cell.metrics().failedCalls() == 1, "one has failed: " + cell.metrics());
        }
    }

    static void onALentTurn(Cell cell) {
        try (NativeCallback<OnAsk> callback = threadSafe(cell.unqueued, raisesFirst(cell))) {
            cell.pointer = callback.pointer();
            cell.onScheduler(() -> cell.scheduler.runBlocking(() -> cell.fire(3)));
            check(cell.metrics().failedCalls() == 1, "one has failed: " + cell.metrics());
        }
    }

    static void errorHandler(Cell cell) {
        CallbackOptions options = cell.unqueued.onError(error -> cell.raise());
        OnAsk handler = cell.answering(sequence -> {
            throw new IllegalArgumentException("the handler's own");
        });
        try (NativeCallback<OnAsk> callback = threadSafe(options, handler)) {
            cell.pointer = callback.pointer();
            cell.fire(2);
        }
    }

    static void closed(Cell cell) {
        NativeCallback<OnAsk> callback = threadSafe(cell.unqueued, cell.answering(sequence -> {}));
        cell.pointer = callback.pointer();
        cell.fire(2);
        callback.closed().cast(Long.class).subscribe(cell.new Probe("onComplete"));
        Cell.thrown(callback::close);
    }

    /** A stream of questions; C is told that all is well if the handler got what it should. */
    private static Flux<Exchange<Long, Long>> questions(Cell cell, CallbackOptions options) {
        return NativeFlux.exchange(
                options,
                sink -> cell.register(sink, sequence -> {
                    long answer = sink.ask(sequence, LONG, Cell.FALLBACK);
                    check(answer == Cell.FALLBACK, "the fallback, not " + answer);
                }));
    }

    static void asking(Cell cell) {
        NativeFlux.<Long, Long>exchange(
                        cell.options,
                        sink -> cell.register(sink, sequence -> {
                            long answer = sink.ask(sequence, LONG, Cell.FALLBACK);
                            check(answer == sequence, "the reply, not " + answer);
                            cell.raise();
                        }))
                .subscribe(exchange -> exchange.reply(exchange.request()), Seen.SIGNAL::add);
        cell.fire(1);
    }

    /** Who asks does not wait for the limit. */
    static void noReply(Cell cell) {
        cell.subscribe(questions(cell, cell.options).map(Exchange::request), "onNext");
        cell.fire(1);
    }

    static void reply(Cell cell) {
        questions(cell, cell.options)
                .flatMap(exchange -> Mono.fromCallable(() -> {
                            cell.raise();
                            return exchange.request();
                        })
                        .doOnNext(exchange::reply))
                .subscribe(answer -> {}, Seen.SIGNAL::add);
        cell.fire(1);
    }

    static void failedReply(Cell cell) {
        Disposable questions = questions(cell, cell.options.onError(error -> cell.raise()))
                .subscribe(exchange -> exchange.fail(new IllegalArgumentException("no answer")));
        cell.fire(2);
        questions.dispose();
    }

    /** It is in the queue when the stream ends. */
    static void ownExchange(Cell cell) {
        Exchange<Long, Long> own = new Exchange<>() {
            @Override
            public Long request() {
                return 1L;
            }

            @Override
            public boolean reply(Long answer) {
                return false;
            }

            @Override
            public boolean fail(Throwable error) {
                return false;
            }

            @Override
            public boolean refuse() {
                cell.raise();
                return false;
            }
        };
        Disposable stalled = NativeFlux.<Exchange<Long, Long>>create(
                        cell.options, sink -> cell.register(sink, value -> sink.next(own)))
                .subscribeWith(new Stalled<>());
        cell.fire(2);
        stalled.dispose();
    }
}
