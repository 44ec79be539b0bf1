package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * How a native source is taken: its name, its scheduler, and its limits. Immutable: each method returns a changed copy.
 */
public final class CallbackOptions {

    private static final CallbackOptions DEFAULTS = new CallbackOptions(
            "unnamed", CallbackScheduler.shared(), Overflow.block(8192, Duration.ofSeconds(10)), true, 64);

    private final String name;
    private final CallbackScheduler scheduler;
    private final Overflow overflow;
    private final boolean keepAlive;
    private final int maxWaiting;

    private CallbackOptions(
            String name, CallbackScheduler scheduler, Overflow overflow, boolean keepAlive, int maxWaiting) {
        this.name = name;
        this.scheduler = scheduler;
        this.overflow = overflow;
        this.keepAlive = keepAlive;
        this.maxWaiting = maxWaiting;
    }

    /**
     * The options of a source that nobody named.
     *
     * @return all defaults
     */
    public static CallbackOptions defaults() {
        return DEFAULTS;
    }

    /**
     * Options with defaults, and a name.
     *
     * @param name what the source is called in logs, dumps and {@link CallbackMetrics}, not blank. Sources of one name are
     *     counted together; do not make names without end.
     * @return new options
     */
    public static CallbackOptions named(String name) {
        if (requireNonNull(name, "name").isBlank()) {
            throw new IllegalArgumentException("name is blank; give the source a name that a log can show");
        }
        return new CallbackOptions(
                name, DEFAULTS.scheduler, DEFAULTS.overflow, DEFAULTS.keepAlive, DEFAULTS.maxWaiting);
    }

    /**
     * The scheduler that values are delivered on.
     *
     * @param scheduler the scheduler. Defaults to {@link CallbackScheduler#shared()}.
     * @return changed options
     */
    public CallbackOptions on(CallbackScheduler scheduler) {
        return new CallbackOptions(name, requireNonNull(scheduler, "scheduler"), overflow, keepAlive, maxWaiting);
    }

    /**
     * What happens when the queue is full.
     *
     * @param overflow the policy. Defaults to {@code Overflow.block(8192, Duration.ofSeconds(10))}.
     * @return changed options
     */
    public CallbackOptions overflow(Overflow overflow) {
        return new CallbackOptions(name, scheduler, requireNonNull(overflow, "overflow"), keepAlive, maxWaiting);
    }

    /**
     * Whether a subscription keeps the JVM alive.
     *
     * @param keepAlive false: the JVM may exit while subscribed. Defaults to true.
     * @return changed options
     */
    public CallbackOptions keepAlive(boolean keepAlive) {
        return new CallbackOptions(name, scheduler, overflow, keepAlive, maxWaiting);
    }

    /**
     * How many native threads may wait for room at once in one subscription, with {@link Overflow#block}. The next one is
     * treated as if its limit had passed: the stream ends with an overflow error.
     *
     * @param maxWaiting 1 or more. Defaults to 64.
     * @return changed options
     */
    public CallbackOptions maxWaiting(int maxWaiting) {
        if (maxWaiting < 1) {
            throw new IllegalArgumentException("maxWaiting is " + maxWaiting + "; it must be 1 or more");
        }
        return new CallbackOptions(name, scheduler, overflow, keepAlive, maxWaiting);
    }

    /**
     * The name of the source.
     *
     * @return not blank
     */
    public String name() {
        return name;
    }

    /**
     * The scheduler that values are delivered on.
     *
     * @return the scheduler
     */
    public CallbackScheduler scheduler() {
        return scheduler;
    }

    /**
     * What happens when the queue is full.
     *
     * @return the policy
     */
    public Overflow overflow() {
        return overflow;
    }

    /**
     * Whether a subscription keeps the JVM alive.
     *
     * @return true by default
     */
    public boolean keepAlive() {
        return keepAlive;
    }

    /**
     * How many native threads may wait for room at once.
     *
     * @return 1 or more
     */
    public int maxWaiting() {
        return maxWaiting;
    }

    @Override
    public String toString() {
        return "CallbackOptions[name=" + name + ", scheduler=" + scheduler + ", overflow=" + overflow + ", keepAlive="
                + keepAlive + ", maxWaiting=" + maxWaiting + "]";
    }
}
