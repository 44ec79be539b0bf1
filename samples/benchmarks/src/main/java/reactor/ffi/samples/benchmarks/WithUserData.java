package reactor.ffi.samples.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;

/**
 * This library with callbacks to which C hands user data back: either all of them share a pointer, and the user data says
 * whose call it is, or each has a stub of its own, and the user data is a handle. The C function type is the same.
 */
final class WithUserData implements Workload {

    /** What C is given, and gives back: each callback has both. */
    private record Registration(MemorySegment pointer, MemorySegment userData) {}

    private final boolean routed;
    private final CallbackOptions options = CallbackOptions.defaults();
    private final NativeSource source = new NativeSource();
    private final Tally tally = new Tally(source);
    private final AtomicReference<Registration> one = new AtomicReference<>();
    private final AtomicReference<NativeCallback<QuestionWith>> direct = new AtomicReference<>();
    private final Map<Integer, MemorySegment> byWidth = new HashMap<>();
    private final Cycle cycle;

    /**
     * Registers nothing yet.
     *
     * @param routed whether the callbacks share a pointer
     */
    WithUserData(boolean routed) {
        this.routed = routed;
        this.cycle = new Cycle(source, options, false, routed);
    }

    /** How a callback for events is made. */
    static CallbackType<OnRegistered> eventType(boolean routed) {
        CallbackType<OnRegistered> type = CallbackType.of(OnRegistered.class);
        return routed ? type.userData(2) : type.handles(2);
    }

    @Override
    public Figures run(Measure measure, int size, int count) throws Throwable {
        return switch (measure) {
            case STREAM -> Figures.of(stream(count));
            case SOURCES_N -> Figures.of(spread(size, count));
            case DIRECT -> Figures.of(source.answered(direct().pointer(), userData(direct()), count));
            case CYCLE -> Figures.of(cycle.run(count));
            default -> throw Workload.not(measure);
        };
    }

    private double stream(int count) throws Throwable {
        Registration target = one.updateAndGet(made -> made != null ? made : subscribe());
        tally.expect(count);
        source.startRegistered(target.pointer(), target.userData(), count);
        source.join();
        return (double) (tally.await(1) - source.started()) / count;
    }

    private double spread(int width, int count) throws Throwable {
        MemorySegment pairs = byWidth.computeIfAbsent(width, this::pairs);
        tally.expect(count);
        source.startRegistrations(pairs, width, count);
        source.join();
        return (double) (tally.await(1) - source.started()) / count;
    }

    private MemorySegment pairs(int width) {
        MemorySegment pairs = Arena.global().allocate(ADDRESS, 2L * width);
        for (int i = 0; i < width; i++) {
            Registration registration = subscribe();
            pairs.setAtIndex(ADDRESS, 2L * i, registration.pointer());
            pairs.setAtIndex(ADDRESS, 2L * i + 1, registration.userData());
        }
        return pairs;
    }

    private Registration subscribe() {
        AtomicReference<Registration> made = new AtomicReference<>();
        Flux<Event> events = NativeFlux.create(
                options,
                sink -> made.set(new Registration(
                        sink.callback(eventType(routed), (sequence, value, _) -> sink.next(new Event(sequence, value))),
                        routed ? sink.userData() : MemorySegment.NULL)));
        Disposable subscription = events.subscribe(tally);
        if (subscription.isDisposed()) {
            throw new IllegalStateException("the subscription has ended at once");
        }
        return made.get();
    }

    private NativeCallback<QuestionWith> direct() {
        CallbackType<QuestionWith> type = CallbackType.of(QuestionWith.class);
        return direct.updateAndGet(made -> made != null
                ? made
                : NativeCallback.direct(
                        options, routed ? type.userData(1) : type.handles(1), (question, _) -> question + 1, null));
    }

    private MemorySegment userData(NativeCallback<?> callback) {
        return routed ? callback.userData() : MemorySegment.NULL;
    }
}
