package reactor.ffi.samples.benchmarks;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.function.IntConsumer;

/** One subscription, made at its first use and kept, and the rounds that are measured on it. */
final class Stream {

    /** The calls of a burst. */
    private static final int BURST = 4_000;

    /** Before each burst. What waits for its events has room for all of them, and has taken them by then, unless the JVM pauses. */
    private static final Duration PAUSE = Duration.ofMillis(1);

    private static final double TEXT = 'e'; // the first letter of the text that source.c sends

    /** Registers a subscriber. */
    @FunctionalInterface
    interface Registration {
        /** Returns the pointer that C is to call. */
        MemorySegment subscribe(Tally subscriber) throws Throwable;
    }

    private final NativeSource source;
    private final Tally tally;
    private final Registration registration;
    private MemorySegment pointer = MemorySegment.NULL;

    Stream(NativeSource source, Registration registration) {
        this.source = source;
        this.tally = new Tally(source);
        this.registration = registration;
    }

    /** First call to last event: ns an event. */
    double run(int threads, int count) throws Throwable {
        MemorySegment target = pointer();
        tally.expect(count);
        source.startStream(threads, target, count / threads);
        source.join();
        return (double) (tally.await(threads) - source.started()) / count;
    }

    /** What a call costs the native thread: ns a call. */
    double calls(int count) throws Throwable {
        MemorySegment target = pointer();
        int calls = bursts(source, target, count, tally::expect);
        tally.await(1);
        return (double) source.busy() / calls;
    }

    /**
     * Makes at most so many calls, in bursts of the same size; returns how many.
     *
     * @param expect is told that number before the first call
     */
    static int bursts(NativeSource source, MemorySegment target, int count, IntConsumer expect) throws Throwable {
        int each = Math.min(count, BURST);
        int calls = count / each * each;
        expect.accept(calls);
        source.startBursts(target, each, count / each, PAUSE);
        source.join();
        return calls;
    }

    /** Bytes an event. */
    double allocation(int count) throws Throwable {
        MemorySegment target = pointer();
        tally.expect(count);
        long before = Allocation.total();
        source.startStream(1, target, count);
        source.join();
        tally.await(1);
        return (double) (Allocation.total() - before) / count;
    }

    /** Bytes an event, of a stream whose pointer takes texts. */
    double textAllocation(int count) throws Throwable {
        MemorySegment target = pointer();
        tally.expect(count);
        long before = Allocation.total();
        source.startText(target, count);
        source.join();
        tally.awaitEqual(TEXT);
        return (double) (Allocation.total() - before) / count;
    }

    private MemorySegment pointer() throws Throwable {
        if (pointer.equals(MemorySegment.NULL)) {
            pointer = registration.subscribe(tally);
        }
        return pointer;
    }
}
