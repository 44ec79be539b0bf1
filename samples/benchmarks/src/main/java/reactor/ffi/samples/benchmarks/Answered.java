package reactor.ffi.samples.benchmarks;

import java.lang.foreign.MemorySegment;
import java.time.Duration;

/** {@link Measure#ANSWERED_PARKED}, which is the same for all contenders but for who answers. */
final class Answered {

    /** Much longer than anybody spins. */
    static final Duration PAUSE = Duration.ofMillis(3);

    private final NativeSource source;
    private boolean warm;

    Answered(NativeSource source) {
        this.source = source;
    }

    /** The median of a round: a few of its calls meet the machine at something else. */
    Figures afterPauses(MemorySegment question, int count) throws Throwable {
        if (!warm) {
            warm = true;
            source.paused(question, Sleeps.WARM_UP, Sleeps.BRIEFLY);
        }
        long[] nanos = source.paused(question, count, PAUSE);
        return Figures.of(Figures.percentiles(nanos).byName().get("p50"));
    }
}
