package reactor.ffi.samples.benchmarks;

import java.time.Duration;

/** What the contenders of {@link Measure#ANSWERED_PARKED} have in common. */
final class Answered {

    /** Much longer than anybody spins. */
    static final Duration PAUSE = Duration.ofMillis(3);

    private Answered() {}

    /** That of the calls of one round: a few of them meet the machine at something else. */
    static Figures median(long[] nanos) {
        return Figures.of(Figures.percentiles(nanos).byName().get("p50"));
    }
}
