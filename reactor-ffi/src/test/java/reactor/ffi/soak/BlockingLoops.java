package reactor.ffi.soak;

import java.lang.foreign.MemorySegment;
import reactor.core.publisher.Flux;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Until;

/** Loops that block a thread of the library's, one after another; every other one is broken off, the rest end. */
final class BlockingLoops extends RoundsLoad {

    private static final int EACH = 2_000;

    BlockingLoops(Faults faults) {
        super("loops", faults);
    }

    @Override
    void round(long number) throws InterruptedException {
        boolean ends = number % 2 == 0;
        Flux<Long> values = NativeFlux.create(tally.options().on(scheduler), sink -> register(sink, ends ? EACH : -1));
        long seen = tally.counting(values, Long.class)
                .take(ends ? Long.MAX_VALUE : EACH)
                .count()
                .blockOptional(Until.LIMIT)
                .orElseThrow();
        faults.equal("values of a loop", seen, EACH);
        tally.awaitNoSubscriber();
        rounds.pause(5);
    }

    private void register(NativeSink<Long> sink, long count) {
        MemorySegment pointer = tally.oneValueEach(sink);
        Source source = Source.events(pointer, 0);
        sink.onDispose(() -> tally.end(source, sink, pointer));
        sink.runLoop(() -> source.run(count, 0));
        sink.onDispose(source::breakLoop);
    }
}
