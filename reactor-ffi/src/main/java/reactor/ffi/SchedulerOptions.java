package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * The name and the limits of a {@link CallbackScheduler}. Immutable: each method returns a changed copy.
 */
public final class SchedulerOptions {

    private final String name;
    private final Duration spin;
    private final Duration warnAfter;
    private final int maxCallers;

    private SchedulerOptions(String name, Duration spin, Duration warnAfter, int maxCallers) {
        this.name = name;
        this.spin = spin;
        this.warnAfter = warnAfter;
        this.maxCallers = maxCallers;
    }

    /**
     * Returns default options with a name.
     *
     * @param name the name of the thread, not blank
     * @return new options
     * @throws IllegalArgumentException if the name is blank
     */
    public static SchedulerOptions named(String name) {
        if (requireNonNull(name, "name").isBlank()) {
            throw new IllegalArgumentException("name is blank; give the scheduler a name that a thread dump can show");
        }
        return new SchedulerOptions(name, Duration.ofNanos(50_000), Duration.ofSeconds(1), 1024);
    }

    /**
     * Sets how long the thread looks for new work before it sleeps. The thread adapts the time: it looks for a shorter
     * time while looking finds nothing. A longer time makes wake-ups rarer, and costs CPU time. On a machine with one
     * core the thread sleeps at once.
     *
     * @param spin from zero (sleep at once) to 10 ms. Defaults to 50 µs.
     * @return changed options
     * @throws IllegalArgumentException if {@code spin} is negative or more than 10 ms
     */
    public SchedulerOptions spin(Duration spin) {
        if (requireNonNull(spin, "spin").isNegative() || spin.compareTo(Duration.ofMillis(10)) > 0) {
            throw new IllegalArgumentException("spin is " + spin + "; it must be from 0 to 10 ms");
        }
        return new SchedulerOptions(name, spin, warnAfter, maxCallers);
    }

    /**
     * Sets how long a wait for this scheduler, an unregister action or a lend may take before the library logs a
     * warning, with the stacks of the waiting thread and of the scheduler's thread. A lend is logged only if a task or
     * a value waits for the scheduler during the lend.
     *
     * @param warnAfter more than zero. Defaults to 1 s.
     * @return changed options
     * @throws IllegalArgumentException if {@code warnAfter} is zero or negative
     */
    public SchedulerOptions warnAfter(Duration warnAfter) {
        if (requireNonNull(warnAfter, "warnAfter").isNegative() || warnAfter.isZero()) {
            throw new IllegalArgumentException("warnAfter is " + warnAfter + "; it must be more than zero");
        }
        return new SchedulerOptions(name, spin, warnAfter, maxCallers);
    }

    /**
     * Sets how many threads may wait at the same time until this scheduler has answered their call. If one more thread
     * calls, that thread gets the fallback at once, as if its wait had timed out.
     *
     * @param maxCallers one or more. Defaults to 1,024.
     * @return changed options
     * @throws IllegalArgumentException if {@code maxCallers} is less than 1
     */
    public SchedulerOptions maxCallers(int maxCallers) {
        if (maxCallers < 1) {
            throw new IllegalArgumentException("maxCallers is " + maxCallers + "; it must be one or more");
        }
        return new SchedulerOptions(name, spin, warnAfter, maxCallers);
    }

    /**
     * Returns the name of the thread.
     *
     * @return not blank
     */
    public String name() {
        return name;
    }

    /**
     * Returns how long the thread looks for work before it sleeps.
     *
     * @return from zero to 10 ms
     */
    public Duration spin() {
        return spin;
    }

    /**
     * Returns after what time a wait is logged.
     *
     * @return more than zero
     */
    public Duration warnAfter() {
        return warnAfter;
    }

    /**
     * Returns how many threads may wait for an answer.
     *
     * @return one or more
     */
    public int maxCallers() {
        return maxCallers;
    }

    @Override
    public String toString() {
        return "SchedulerOptions[name=" + name + ", spin=" + spin + ", warnAfter=" + warnAfter + ", maxCallers="
                + maxCallers + "]";
    }
}
