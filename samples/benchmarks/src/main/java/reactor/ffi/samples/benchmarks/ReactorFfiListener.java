package reactor.ffi.samples.benchmarks;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;

/** This library, with pointers that never enter the JVM. */
final class ReactorFfiListener implements Workload {

    /** As that of the other contenders: nothing is lost, the native thread waits. */
    private static final Overflow WAITS = Overflow.block(8192, Duration.ofSeconds(10));

    /** How a subscription takes the events of C. */
    @FunctionalInterface
    interface Way {
        /** Returns the pointer that C is to call; the events go to the first, or as objects through the sink. */
        MemorySegment register(NativeSink<Event> sink, Event.OnEvent columns);
    }

    private final NativeSource source = new NativeSource();
    private final Way way;
    private final Stream stream;
    private final Wakes wakes;
    private final Longest longest;

    private ReactorFfiListener(Way way) {
        this.way = way;
        this.stream = new Stream(source, tally -> subscribe(WAITS, tally, tally));
        this.wakes = new Wakes(
                source,
                subscriber -> subscribe(
                        WAITS, (sequence, value) -> subscriber.accept(new Event(sequence, value)), subscriber));
        this.longest = new Longest(source, this::count);
    }

    /** One object for each event. */
    static Workload events() {
        return new ReactorFfiListener((sink, _) ->
                sink.listener(Event.OnEvent.class, (sequence, value) -> sink.next(new Event(sequence, value))));
    }

    /** No objects: what native code has written is read where it lies. */
    static Workload batches() {
        return new ReactorFfiListener((sink, columns) -> sink.batches(Event.OnEvent.class, batch -> {
            for (int i = 0; i < batch.size(); i++) {
                columns.event(batch.getLong(i, 0), batch.getDouble(i, 1));
            }
        }));
    }

    @Override
    public Figures run(Measure measure, int size, int count) throws Throwable {
        return switch (measure) {
            case STREAM, STREAM_N -> Figures.of(stream.run(size, count));
            case WAKE -> Figures.percentiles(wakes.run(count));
            case ALLOCATION -> Figures.of(stream.allocation(count));
            case CALL -> Figures.of(stream.calls(count));
            case GC -> longest.run(count);
            default -> throw Workload.not(measure);
        };
    }

    private MemorySegment count(LongAdder arrived) {
        return subscribe(Overflow.dropNewest(Longest.MOST), (_, _) -> arrived.add(1), _ -> arrived.add(1));
    }

    private MemorySegment subscribe(Overflow overflow, Event.OnEvent columns, Consumer<Event> subscriber) {
        AtomicReference<MemorySegment> made = new AtomicReference<>();
        Flux<Event> events = NativeFlux.create(
                CallbackOptions.defaults().overflow(overflow), sink -> made.set(way.register(sink, columns)));
        ReactorFfi.keep(events.subscribe(subscriber));
        return made.get();
    }
}
