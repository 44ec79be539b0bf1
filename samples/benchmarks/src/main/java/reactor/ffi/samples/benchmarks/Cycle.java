package reactor.ffi.samples.benchmarks;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeFlux;

/** Subscribe, register, one event, cancel, unregistered: again and again, on a scheduler that stays hot. */
final class Cycle {

    private final NativeSource source;
    private final Flux<Event> events;
    private final boolean routed;
    private final AtomicReference<MemorySegment> pointer = new AtomicReference<>();
    private final AtomicReference<MemorySegment> userData = new AtomicReference<>();
    private final AtomicInteger registered = new AtomicInteger();
    private final AtomicInteger unregistered = new AtomicInteger();
    private int received;

    /**
     * Subscribes to nothing yet.
     *
     * @param released whether the source says that native code will not call the pointer again, so that its slot is used again
     * @param routed whether all callbacks share a pointer, and C hands their user data back
     */
    Cycle(NativeSource source, CallbackOptions options, boolean released, boolean routed) {
        this.source = source;
        this.routed = routed;
        CallbackType<OnRegistered> routedType = WithUserData.eventType(true);
        this.events = NativeFlux.create(options, sink -> {
            MemorySegment made = routed
                    ? sink.callback(routedType, (sequence, value, _) -> sink.next(new Event(sequence, value)))
                    : sink.callback(Event.OnEvent.class, (sequence, value) -> sink.next(new Event(sequence, value)));
            pointer.set(made);
            userData.set(routed ? sink.userData() : MemorySegment.NULL);
            registered.incrementAndGet();
            sink.onDispose(() -> {
                if (released) {
                    sink.release(made);
                }
                unregistered.incrementAndGet();
            });
        });
    }

    /** A contender that has this measure only. */
    static Workload only(boolean released, boolean routed) {
        Cycle cycle = new Cycle(new NativeSource(), CallbackOptions.defaults(), released, routed);
        return (measure, size, count) -> Figures.of(cycle.run(count));
    }

    /** Ns a cycle. */
    double run(int count) throws Throwable {
        int before = unregistered.get();
        received = 0;
        long from = System.nanoTime();
        for (int i = 1; i <= count; i++) {
            Disposable _ = events.take(1).subscribe(_ -> received++);
            // Where the last cycle has not quite ended, this registration runs after it, on the scheduler.
            while (registered.get() != before + i) {
                Thread.onSpinWait();
            }
            call();
            while (unregistered.get() != before + i) {
                Thread.onSpinWait();
            }
        }
        long nanos = System.nanoTime() - from;
        if (received != count) {
            throw new IllegalStateException("of " + count + " events " + received + " arrived");
        }
        return (double) nanos / count;
    }

    private void call() throws Throwable {
        if (routed) {
            source.callOnce(pointer.get(), userData.get());
        } else {
            source.callOnce(pointer.get());
        }
    }
}
