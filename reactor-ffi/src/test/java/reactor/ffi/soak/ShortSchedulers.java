package reactor.ffi.soak;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.LongAdder;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.Confined;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Until;

/** Schedulers that are made and disposed of while a stream, an answered callback, an offload and a confined value are on them. */
final class ShortSchedulers implements Load {

    private static final long FALLBACK = -7;

    private final Tally stream = new Tally("streams of short schedulers");
    private final Tally answers = new Tally("answers of short schedulers");
    private final LongAdder confined = new LongAdder();
    private final LongAdder released = new LongAdder();
    private final LongAdder offloaded = new LongAdder();
    private final LongAdder back = new LongAdder();
    private final Faults faults;
    private final Rounds rounds;

    ShortSchedulers(Faults faults) {
        this.faults = faults;
        this.rounds = new Rounds("schedulers", faults, this::round);
    }

    @Override
    public void start() {
        rounds.start();
    }

    private void round(long number) throws InterruptedException {
        CallbackScheduler scheduler = Tally.scheduler("short");
        Flux<Long> values =
                NativeFlux.create(stream.options().on(scheduler).overflow(Overflow.dropNewest(64)), this::register);
        stream.counting(values, Long.class).subscribe(value -> {}, this::expectRejected);
        Confined<LongAdder> counter = Confined.of(scheduler, confined, value -> released.increment());
        counter.send(LongAdder::increment);
        NativeCallback<OnAsk> callback = NativeCallback.threadSafe(
                answers.options().on(scheduler),
                CallbackType.of(OnAsk.class),
                (thread, sequence, id) -> {
                    answers.handled.increment();
                    return sequence + id;
                },
                (thread, sequence, id) -> FALLBACK);
        try (Source source = Source.asking(callback.pointer(), number, FALLBACK).start(1, 200, 0)) {
            Until.that("half of the questions", () -> source.calls() >= 100);
            scheduler
                    .offload(() -> number)
                    .doFinally(signal -> back.increment())
                    .subscribe(value -> {}, this::expectRejected);
            offloaded.increment();
            if (number % 2 == 0) {
                scheduler.dispose();
            }
            scheduler.disposeGracefully().block(Until.LIMIT);
            source.await();
            answers.calls.add(source.calls());
            faults.equal(answers.name + ": wrong", source.wrongAnswers(), 0);
        }
        callback.close();
        callback.release();
        counter.close();
        stream.awaitNoSubscriber();
        rounds.pause(20);
    }

    private void register(NativeSink<Long> sink) {
        MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
            stream.handled.increment();
            sink.next(sequence);
        });
        Source source = Source.events(pointer, 0).start(1, -1, 0);
        sink.onDispose(() -> stream.end(source, sink, pointer));
    }

    private void expectRejected(Throwable error) {
        if (!(error instanceof RejectedExecutionException)) {
            faults.add("a short scheduler", error);
        }
    }

    @Override
    public void stop() throws InterruptedException {
        rounds.stop();
    }

    @Override
    public void check(Faults to) {
        stream.checkStream(to);
        answers.checkCalls(to);
        to.equal("confined values released", released.sum(), rounds.done());
        to.equal("closures that were sent", confined.sum(), rounds.done());
        to.equal("offloads that came back", back.sum(), offloaded.sum());
    }
}
