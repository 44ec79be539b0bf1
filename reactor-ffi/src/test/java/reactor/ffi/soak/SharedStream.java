package reactor.ffi.soak;

import java.lang.foreign.MemorySegment;
import reactor.core.publisher.Flux;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Until;

/** A shared stream whose subscribers come and go; when the last has gone it is unregistered, and registered anew. */
final class SharedStream extends RoundsLoad {

    private final Flux<Long> shared =
            NativeFlux.share(tally.options().on(scheduler).overflow(Overflow.dropOldest(128)), this::register);

    SharedStream(Faults faults) {
        super("shared", faults);
    }

    @Override
    void round(long number) throws InterruptedException {
        Flux.range(1, 4)
                .flatMap(subscriber -> tally.counting(shared, Long.class).take(1_000L * subscriber))
                .blockLast(Until.LIMIT);
        tally.awaitNoSubscriber();
        rounds.pause(5);
    }

    private void register(NativeSink<Long> sink) {
        MemorySegment pointer = tally.oneValueEach(sink);
        Source source = Source.events(pointer, 0).start(1, -1, 0);
        sink.onDispose(() -> tally.end(source, sink, pointer));
    }

    @Override
    public void check(Faults to) {
        tally.checkCalls(to);
        tally.checkValues(to);
    }
}
