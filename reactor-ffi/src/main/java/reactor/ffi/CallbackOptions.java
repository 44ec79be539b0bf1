package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The options of a native source: its name, its scheduler and its limits. Immutable: each method returns a changed copy. */
public final class CallbackOptions {

    private static final NativeAction NOTHING = () -> {};

    private static final CallbackOptions DEFAULTS = new CallbackOptions(
            "unnamed",
            CallbackScheduler.shared(),
            Overflow.block(8192, Duration.ofSeconds(10)),
            true,
            64,
            Duration.ofSeconds(10),
            null,
            NOTHING,
            NOTHING);

    private final String name;
    private final CallbackScheduler scheduler;
    private final Overflow overflow;
    private final boolean keepAlive;
    private final int maxWaiting;
    private final Duration answerWithin;
    private final @Nullable Consumer<? super Throwable> onError;
    private final NativeAction onRegistered;
    private final NativeAction onUnregistered;

    private CallbackOptions(
            String name,
            CallbackScheduler scheduler,
            Overflow overflow,
            boolean keepAlive,
            int maxWaiting,
            Duration answerWithin,
            @Nullable Consumer<? super Throwable> onError,
            NativeAction onRegistered,
            NativeAction onUnregistered) {
        this.name = name;
        this.scheduler = scheduler;
        this.overflow = overflow;
        this.keepAlive = keepAlive;
        this.maxWaiting = maxWaiting;
        this.answerWithin = answerWithin;
        this.onError = onError;
        this.onRegistered = onRegistered;
        this.onUnregistered = onUnregistered;
    }

    /**
     * Returns the default options, for a source without a name of its own.
     *
     * @return all defaults
     */
    public static CallbackOptions defaults() {
        return DEFAULTS;
    }

    /**
     * Returns default options with a name.
     *
     * @param name what the source is called in logs, dumps and {@link CallbackMetrics}, not blank. Sources of one name are
     *     counted together; of names without end the oldest are forgotten.
     * @return new options
     * @throws IllegalArgumentException if it is blank
     */
    public static CallbackOptions named(String name) {
        if (requireNonNull(name, "name").isBlank()) {
            throw new IllegalArgumentException("name is blank; give the source a name that a log can show");
        }
        return new CallbackOptions(
                name,
                DEFAULTS.scheduler,
                DEFAULTS.overflow,
                DEFAULTS.keepAlive,
                DEFAULTS.maxWaiting,
                DEFAULTS.answerWithin,
                null,
                NOTHING,
                NOTHING);
    }

    /**
     * Sets the scheduler that values are delivered on.
     *
     * @param scheduler the scheduler. Defaults to {@link CallbackScheduler#shared()}.
     * @return changed options
     */
    public CallbackOptions on(CallbackScheduler scheduler) {
        return new CallbackOptions(
                name,
                requireNonNull(scheduler, "scheduler"),
                overflow,
                keepAlive,
                maxWaiting,
                answerWithin,
                onError,
                onRegistered,
                onUnregistered);
    }

    /**
     * Sets what happens when the queue is full.
     *
     * @param overflow the policy. Defaults to {@code Overflow.block(8192, Duration.ofSeconds(10))}.
     * @return changed options
     */
    public CallbackOptions overflow(Overflow overflow) {
        return new CallbackOptions(
                name,
                scheduler,
                requireNonNull(overflow, "overflow"),
                keepAlive,
                maxWaiting,
                answerWithin,
                onError,
                onRegistered,
                onUnregistered);
    }

    /**
     * Sets whether a subscription, a {@link NativeCallback#threadSafe} callback or a {@link Confined} value keeps the
     * JVM alive.
     *
     * @param keepAlive false: the JVM may exit while subscribed. Defaults to true.
     * @return changed options
     */
    public CallbackOptions keepAlive(boolean keepAlive) {
        return new CallbackOptions(
                name, scheduler, overflow, keepAlive, maxWaiting, answerWithin, onError, onRegistered, onUnregistered);
    }

    /**
     * Sets how many native threads may wait for room at once in one subscription, with {@link Overflow#block}. The next
     * one is treated as if its limit had passed: the stream ends with an overflow error.
     *
     * @param maxWaiting 1 or more. Defaults to 64.
     * @return changed options
     * @throws IllegalArgumentException if it is not
     */
    public CallbackOptions maxWaiting(int maxWaiting) {
        if (maxWaiting < 1) {
            throw new IllegalArgumentException("maxWaiting is " + maxWaiting + "; it must be 1 or more");
        }
        return new CallbackOptions(
                name, scheduler, overflow, keepAlive, maxWaiting, answerWithin, onError, onRegistered, onUnregistered);
    }

    /**
     * Sets how long a caller of a {@link NativeCallback} waits for its turn; after that time the caller gets the
     * fallback. Once its handler has started, it waits until that returns.
     *
     * @param answerWithin more than zero. Defaults to 10 s.
     * @return changed options
     * @throws IllegalArgumentException if it is not
     */
    public CallbackOptions answerWithin(Duration answerWithin) {
        if (requireNonNull(answerWithin, "answerWithin").isNegative() || answerWithin.isZero()) {
            throw new IllegalArgumentException("answerWithin is " + answerWithin + "; it must be more than zero");
        }
        return new CallbackOptions(
                name, scheduler, overflow, keepAlive, maxWaiting, answerWithin, onError, onRegistered, onUnregistered);
    }

    /**
     * Sets the consumer of errors of a {@link NativeCallback}, an {@link Exchange} or a {@link Confined} value that no
     * stream takes.
     *
     * @param onError gets each error, on the thread that it happened on. Without it what a handler throws goes to where
     *     Reactor's schedulers report theirs, and a call that was not answered in time to {@code Hooks.onErrorDropped}.
     * @return changed options
     */
    public CallbackOptions onError(Consumer<? super Throwable> onError) {
        return new CallbackOptions(
                name,
                scheduler,
                overflow,
                keepAlive,
                maxWaiting,
                answerWithin,
                requireNonNull(onError, "onError"),
                onRegistered,
                onUnregistered);
    }

    /**
     * Sets an action that runs when a subscription is registered: for each subscription of {@link NativeFlux#create} and
     * {@link NativeFlux#exchange} after its registration has returned, with all native calls made, on the thread that it
     * ran on; for each of {@link NativeFlux#share} once it gets the values of the registration that it shares, on the
     * scheduler's thread. It does not run where the registration throws, or was not run because the subscriber had
     * cancelled.
     *
     * @param action runs once for each subscription. What it throws is an error of the registration. Defaults to nothing.
     * @return changed options
     */
    public CallbackOptions onRegistered(NativeAction action) {
        return new CallbackOptions(
                name,
                scheduler,
                overflow,
                keepAlive,
                maxWaiting,
                answerWithin,
                onError,
                requireNonNull(action, "action"),
                onUnregistered);
    }

    /**
     * Sets an action that runs when nothing of a subscription is registered any more: after its actions and callbacks
     * are undone, and it does not keep the JVM alive, just before the terminal signal. It runs also where {@link
     * #onRegistered} did not. A subscription of {@link NativeFlux#share} that others outlive has only left.
     *
     * @param action runs once for each subscription, on the scheduler's thread, or in the shutdown hook. What it throws becomes,
     *     or is added to, the error. Defaults to nothing.
     * @return changed options
     */
    public CallbackOptions onUnregistered(NativeAction action) {
        return new CallbackOptions(
                name,
                scheduler,
                overflow,
                keepAlive,
                maxWaiting,
                answerWithin,
                onError,
                onRegistered,
                requireNonNull(action, "action"));
    }

    /**
     * Returns the name of the source.
     *
     * @return not blank
     */
    public String name() {
        return name;
    }

    /**
     * Returns the scheduler that values are delivered on.
     *
     * @return the scheduler
     */
    public CallbackScheduler scheduler() {
        return scheduler;
    }

    /**
     * Returns the policy for values that find the queue full.
     *
     * @return the policy
     */
    public Overflow overflow() {
        return overflow;
    }

    /**
     * Returns whether a subscription keeps the JVM alive.
     *
     * @return true by default
     */
    public boolean keepAlive() {
        return keepAlive;
    }

    /**
     * Returns how many native threads may wait for room at once.
     *
     * @return 1 or more
     */
    public int maxWaiting() {
        return maxWaiting;
    }

    /**
     * Returns how long a caller waits for its turn.
     *
     * @return more than zero
     */
    public Duration answerWithin() {
        return answerWithin;
    }

    /**
     * Returns the consumer of errors that no stream takes.
     *
     * @return null: the defaults of {@link #onError(Consumer)}
     */
    public @Nullable Consumer<? super Throwable> onError() {
        return onError;
    }

    /**
     * Returns the action that runs when a subscription is registered.
     *
     * @return does nothing by default
     */
    public NativeAction onRegistered() {
        return onRegistered;
    }

    /**
     * Returns the action that runs when nothing of a subscription is registered any more.
     *
     * @return does nothing by default
     */
    public NativeAction onUnregistered() {
        return onUnregistered;
    }

    /**
     * Refuses limits of a queue, for kinds that have no queue: a user must not rely on a limit that nothing keeps.
     *
     * @param why what stands in the place of a queue
     */
    CallbackOptions withoutQueue(String why) {
        if (!overflow.equals(DEFAULTS.overflow) || maxWaiting != DEFAULTS.maxWaiting) {
            throw new IllegalArgumentException(
                    "the options of " + name + " set overflow or maxWaiting, which are for streams: " + why);
        }
        return this;
    }

    @Override
    public String toString() {
        return "CallbackOptions[name=" + name + ", scheduler=" + scheduler + ", overflow=" + overflow + ", keepAlive="
                + keepAlive + ", maxWaiting=" + maxWaiting + ", answerWithin=" + answerWithin + "]";
    }
}
