package reactor.ffi.samples.benchmarks;

import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;

/** A bare upcall into {@code Sinks.many().unicast()}, with {@code publishOn}. One native thread only: it refuses two. */
final class SinksUnicast implements Workload {

    private final Stream stream = new Stream(new NativeSource(), subscriber -> {
        Sinks.Many<Event> sink = Sinks.many().unicast().onBackpressureBuffer();
        sink.asFlux().publishOn(Schedulers.newSingle("consumer", true)).subscribe(subscriber);
        return NativeSource.onEvent(
                (sequence, value) -> sink.emitNext(new Event(sequence, value), Sinks.EmitFailureHandler.FAIL_FAST));
    });

    @Override
    public Figures run(Measure measure, int size, int count) throws Throwable {
        return Figures.of(stream.run(size, count));
    }
}
