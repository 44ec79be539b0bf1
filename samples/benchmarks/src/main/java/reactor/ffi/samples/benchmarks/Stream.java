package reactor.ffi.samples.benchmarks;

import java.lang.foreign.MemorySegment;

/** One subscription, made at its first use and kept, and the rounds that are measured on it. */
final class Stream {

    /** The most calls of a burst: a queue of that capacity has room for them. */
    static final int BURST = 65_536;

    private static final double TEXT = 'e'; // the first letter of the text that source.c sends

    /** Registers a subscriber. */
    @FunctionalInterface
    interface Registration {
        /** Returns the pointer that C is to call. */
        MemorySegment subscribe(Tally subscriber) throws Throwable;
    }

    /** Some calls, one after the other. */
    @FunctionalInterface
    interface Burst {
        /** Returns how many ns the native thread was busy. */
        long run(int calls) throws Throwable;
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
        return bursts(count, each -> {
            tally.expect(each);
            source.startStream(1, target, each);
            source.join();
            tally.await(1);
            return source.elapsed();
        });
    }

    /** Makes so many calls, in bursts: ns a call. */
    static double bursts(int count, Burst burst) throws Throwable {
        int each = Math.min(count, BURST);
        int bursts = count / each;
        long nanos = 0;
        for (int i = 0; i < bursts; i++) {
            nanos += burst.run(each);
        }
        return (double) nanos / bursts / each;
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
