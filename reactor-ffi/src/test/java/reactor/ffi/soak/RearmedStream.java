package reactor.ffi.soak;

import java.lang.foreign.MemorySegment;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Source;

/** A source that fires what it was asked for, so that an unbounded queue stays short; ends and begins again. */
final class RearmedStream implements Load {

    private static final int EACH = 10_000;

    private final Tally tally = new Tally("rearmed");
    private final CallbackScheduler scheduler = Tally.scheduler(tally.name);
    private final Faults faults;
    private final Rounds rounds;

    RearmedStream(Faults faults) {
        this.faults = faults;
        this.rounds = new Rounds("rearmed", faults, this::subscribe);
    }

    @Override
    public void start() {
        rounds.start();
    }

    private void subscribe(long number) {
        Flux<Long> values =
                NativeFlux.create(tally.options().on(scheduler).overflow(Overflow.unbounded()), this::register);
        long last = tally.counting(values, Long.class)
                .limitRate(256)
                .take(EACH)
                .reduce(0L, Math::max)
                .blockOptional(Until.LIMIT)
                .orElseThrow();
        faults.equal("the last of " + EACH, last, EACH - 1);
        tally.awaitNoSubscriber();
    }

    private void register(NativeSink<Long> sink) {
        MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
            tally.handled.increment();
            sink.next(sequence);
        });
        Source source = Source.events(pointer, 0).startOnDemand();
        sink.onRequest(source::demand);
        sink.onDispose(() -> tally.end(source, sink, pointer));
    }

    @Override
    public void stop() throws InterruptedException {
        rounds.stop();
        scheduler.disposeGracefully().block(Until.LIMIT);
    }

    @Override
    public void check(Faults to) {
        tally.checkStream(to);
    }
}
