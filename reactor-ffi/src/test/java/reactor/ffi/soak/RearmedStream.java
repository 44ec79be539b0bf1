package reactor.ffi.soak;

import java.lang.foreign.MemorySegment;
import reactor.core.publisher.Flux;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Until;

/** A source that fires what it was asked for, so that an unbounded queue stays short; ends and begins again. */
final class RearmedStream extends RoundsLoad {

    private static final int EACH = 10_000;

    RearmedStream(Faults faults) {
        super("rearmed", faults);
    }

    @Override
    void round(long number) {
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
        MemorySegment pointer = tally.oneValueEach(sink);
        Source source = Source.events(pointer, 0).startOnDemand();
        sink.onRequest(source::demand);
        sink.onDispose(() -> tally.end(source, sink, pointer));
    }
}
