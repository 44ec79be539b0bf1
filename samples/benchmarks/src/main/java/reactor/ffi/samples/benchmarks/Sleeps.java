package reactor.ffi.samples.benchmarks;

import java.time.Duration;

/**
 * How the measures in which everybody sleeps are warmed up: what runs once in some ms would be interpreted for minutes, and
 * the interpreter be what is measured.
 */
final class Sleeps {

    /** As many as make the JIT compile what they run. */
    static final int WARM_UP = 12_000;

    /** Between two of them: longer than anybody spins by default. */
    static final Duration BRIEFLY = Duration.ofNanos(70_000);

    private Sleeps() {}
}
