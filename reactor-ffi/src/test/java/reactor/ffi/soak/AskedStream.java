package reactor.ffi.soak;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.Exchange;
import reactor.ffi.ExchangeSink;
import reactor.ffi.NativeFlux;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Until;

/** Native threads whose questions the subscriber answers, there and then, on another thread, or not at all. */
final class AskedStream extends RoundsLoad {

    private static final int EACH = 5_000;
    private static final long FALLBACK = -7;

    private final LongAdder replied = new LongAdder();
    private final LongAdder right = new LongAdder();
    private final LongAdder wrong = new LongAdder();

    /** Replies that another thread is about to give. */
    private final AtomicInteger elsewhere = new AtomicInteger();

    AskedStream(Faults faults) {
        super("asked", faults);
    }

    @Override
    void round(long number) {
        Flux<Exchange<Long, Long>> questions =
                NativeFlux.exchange(tally.options().on(scheduler), this::register);
        tally.counting(questions, Exchange.class)
                .take(EACH)
                .doOnNext(this::answer)
                .blockLast(Until.LIMIT);
        tally.awaitNoSubscriber();
        Until.that("the other threads have replied", () -> elsewhere.get() == 0);
    }

    private void register(ExchangeSink<Long, Long> sink) {
        MemorySegment pointer = sink.callback(
                OnAsk.class,
                (thread, sequence, id) -> {
                    tally.handled.increment();
                    return sink.ask(sequence + id, Until.LIMIT, FALLBACK);
                },
                (thread, sequence, id) -> FALLBACK);
        Source source = Source.asking(pointer, 5, FALLBACK).start(2, -1, 0);
        sink.onDispose(() -> {
            source.stop();
            right.add(source.rightAnswers());
            wrong.add(source.wrongAnswers());
            tally.end(source, sink, pointer);
        });
    }

    private void answer(Exchange<Long, Long> exchange) {
        switch ((int) (exchange.request() % 50)) {
            case 0 -> exchange.refuse();
            case 1 -> {
                elsewhere.incrementAndGet();
                Schedulers.parallel().schedule(() -> {
                    reply(exchange);
                    elsewhere.decrementAndGet();
                });
            }
            default -> reply(exchange);
        }
    }

    private void reply(Exchange<Long, Long> exchange) {
        if (exchange.reply(exchange.request())) {
            replied.increment();
        }
    }

    @Override
    public void check(Faults to) {
        super.check(to);
        to.equal("asked: right answers", right.sum(), replied.sum());
        to.equal("asked: wrong answers", wrong.sum(), 0);
    }
}
