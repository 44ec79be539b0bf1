package reactor.ffi.samples.benchmarks;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;

/** Calls of one native thread, each timed by that thread, while the program collects garbage without end. */
final class Longest {

    /** The most calls of a round: a queue of that capacity has room for them. */
    static final int MOST = 65_536;

    /** Between two calls, so that they meet all phases of many collections. */
    private static final Duration PAUSE = Duration.ofNanos(50_000);

    private final NativeSource source;
    private final Function<LongAdder, MemorySegment> registration;
    private final LongAdder arrived = new LongAdder();
    private MemorySegment pointer = MemorySegment.NULL;

    /**
     * Calls a pointer that is made before the first round.
     *
     * @param registration returns the pointer whose calls are added to what it is given
     */
    Longest(NativeSource source, Function<LongAdder, MemorySegment> registration) {
        this.source = source;
        this.registration = registration;
    }

    Figures run(int millis) throws Throwable {
        if (pointer.equals(MemorySegment.NULL)) {
            pointer = registration.apply(arrived);
        }
        arrived.reset();
        long[] times;
        try (Garbage _ = new Garbage()) {
            times = source.timed(pointer, MOST, PAUSE, Duration.ofMillis(millis));
        }
        long from = System.nanoTime();
        while (arrived.sum() != times.length) {
            if (System.nanoTime() - from > TimeUnit.SECONDS.toNanos(60)) {
                throw new IllegalStateException("of " + times.length + " calls " + arrived.sum() + " arrived in 60 s");
            }
            TimeUnit.MILLISECONDS.sleep(1);
        }
        return Figures.longest(times);
    }
}
