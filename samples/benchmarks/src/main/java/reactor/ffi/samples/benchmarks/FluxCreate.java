package reactor.ffi.samples.benchmarks;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicReference;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.scheduler.Schedulers;

/** A bare upcall into {@code Flux.create}, with {@code publishOn} a single thread: what Reactor offers by itself. */
final class FluxCreate implements Workload {

    private final NativeSource source = new NativeSource();
    private final Stream stream = new Stream(
            source,
            register((sink) -> NativeSource.onEvent((sequence, value) -> sink.next(new Event(sequence, value)))));
    private final Stream texts = new Stream(
            source,
            register((sink) -> NativeSource.onText((sequence, text) ->
                    sink.next(new Event(sequence, text.reinterpret(1).get(JAVA_BYTE, 0))))));

    /** Makes a pointer whose calls go to a sink. */
    @FunctionalInterface
    interface Pointer {
        MemorySegment of(FluxSink<Event> sink);
    }

    /** Subscribes, and returns the pointer. */
    static Stream.Registration register(Pointer pointer) {
        return subscriber -> {
            AtomicReference<MemorySegment> made = new AtomicReference<>();
            Flux.<Event>create(sink -> made.set(pointer.of(sink)))
                    .publishOn(Schedulers.newSingle("consumer", true))
                    .subscribe(subscriber);
            return made.get();
        };
    }

    @Override
    public Figures run(Measure measure, int size, int count) throws Throwable {
        return switch (measure) {
            case STREAM, STREAM_N -> Figures.of(stream.run(size, count));
            case ALLOCATION -> Figures.of(stream.allocation(count));
            case ALLOCATION_POINTER -> Figures.of(texts.textAllocation(count));
            default -> throw Workload.not(measure);
        };
    }
}
