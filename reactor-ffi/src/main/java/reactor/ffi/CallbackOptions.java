package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The options of a native source: its name, its scheduler and its limits. Immutable: each method returns a changed copy. */
public final class CallbackOptions {

    private static final CallbackOptions DEFAULTS = new CallbackOptions(new Settings());

    /** Never changed from here on. The final field publishes the settings to all threads. */
    private final Settings settings;

    /** All settings with their defaults, open to change until they become the settings of options. */
    private static final class Settings implements Cloneable {

        String name = "unnamed";
        CallbackScheduler scheduler = CallbackScheduler.shared();
        Overflow overflow = Overflow.block(8192, Duration.ofSeconds(10));
        boolean keepAlive = true;
        int maxWaiting = 64;
        Duration answerWithin = Duration.ofSeconds(10);

        @Nullable
        Consumer<? super Throwable> onError;

        NativeAction onRegistered = () -> {};
        NativeAction onUnregistered = () -> {};

        Settings copy() {
            try {
                return (Settings) clone();
            } catch (CloneNotSupportedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private CallbackOptions(Settings settings) {
        this.settings = settings;
    }

    private CallbackOptions with(Consumer<Settings> change) {
        Settings changed = settings.copy();
        change.accept(changed);
        return new CallbackOptions(changed);
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
     * @param name the name of the source in logs, dumps and {@link CallbackMetrics}, not blank. Sources with the same
     *     name are counted together.
     * @return new options
     * @throws IllegalArgumentException if the name is blank
     */
    public static CallbackOptions named(String name) {
        if (requireNonNull(name, "name").isBlank()) {
            throw new IllegalArgumentException("name is blank; give the source a name that a log can show");
        }
        return DEFAULTS.with(settings -> settings.name = name);
    }

    /**
     * Sets the scheduler that values are delivered on.
     *
     * @param scheduler the scheduler. Defaults to {@link CallbackScheduler#shared()}.
     * @return changed options
     */
    public CallbackOptions on(CallbackScheduler scheduler) {
        requireNonNull(scheduler, "scheduler");
        return with(settings -> settings.scheduler = scheduler);
    }

    /**
     * Sets what happens when the queue is full.
     *
     * @param overflow the policy. Defaults to {@code Overflow.block(8192, Duration.ofSeconds(10))}.
     * @return changed options
     */
    public CallbackOptions overflow(Overflow overflow) {
        requireNonNull(overflow, "overflow");
        return with(settings -> settings.overflow = overflow);
    }

    /**
     * Sets whether a subscription, a {@link NativeCallback#threadSafe} callback or a {@link Confined} value keeps the
     * JVM alive.
     *
     * @param keepAlive false: the JVM may exit while subscribed. Defaults to true.
     * @return changed options
     */
    public CallbackOptions keepAlive(boolean keepAlive) {
        return with(settings -> settings.keepAlive = keepAlive);
    }

    /**
     * Sets how many native threads may wait for room at once in one subscription, with {@link Overflow#block}. If one
     * more thread would have to wait, the stream ends with an overflow error, as if the timeout of that thread had
     * passed.
     *
     * @param maxWaiting 1 or more. Defaults to 64.
     * @return changed options
     * @throws IllegalArgumentException if {@code maxWaiting} is less than 1
     */
    public CallbackOptions maxWaiting(int maxWaiting) {
        if (maxWaiting < 1) {
            throw new IllegalArgumentException("maxWaiting is " + maxWaiting + "; it must be 1 or more");
        }
        return with(settings -> settings.maxWaiting = maxWaiting);
    }

    /**
     * Sets how long a caller of a {@link NativeCallback} waits for its turn; after that time the caller gets the
     * fallback. Once the handler has started, the caller waits until the handler returns.
     *
     * @param answerWithin more than zero. Defaults to 10 s.
     * @return changed options
     * @throws IllegalArgumentException if {@code answerWithin} is zero or negative
     */
    public CallbackOptions answerWithin(Duration answerWithin) {
        if (requireNonNull(answerWithin, "answerWithin").isNegative() || answerWithin.isZero()) {
            throw new IllegalArgumentException("answerWithin is " + answerWithin + "; it must be more than zero");
        }
        return with(settings -> settings.answerWithin = answerWithin);
    }

    /**
     * Sets the consumer of errors of a {@link NativeCallback}, an {@link Exchange} or a {@link Confined} value that no
     * stream takes.
     *
     * @param onError gets each error, on the thread that it happened on. Without this consumer, what a handler throws
     *     goes to {@link reactor.core.scheduler.Schedulers#onHandleError Schedulers.onHandleError}, and the error of a
     *     call that was not answered in time to {@link reactor.core.publisher.Hooks#onErrorDropped
     *     Hooks.onErrorDropped}.
     * @return changed options
     */
    public CallbackOptions onError(Consumer<? super Throwable> onError) {
        requireNonNull(onError, "onError");
        return with(settings -> settings.onError = onError);
    }

    /**
     * Sets an action that runs when a subscription is registered: for each subscription of {@link NativeFlux#create} and
     * {@link NativeFlux#exchange} after the registration has returned, on the thread that ran the registration; for
     * each subscription of {@link NativeFlux#share} as soon as that subscription gets the values of the shared
     * registration, on the scheduler's thread. The action does not run if the registration throws, or did not run
     * because the subscriber had cancelled.
     *
     * @param action runs once for each subscription. What the action throws is an error of the registration. Defaults
     *     to an action that does nothing.
     * @return changed options
     */
    public CallbackOptions onRegistered(NativeAction action) {
        requireNonNull(action, "action");
        return with(settings -> settings.onRegistered = action);
    }

    /**
     * Sets an action that runs when nothing of a subscription is registered any more: after its {@code onDispose}
     * actions have run, its callbacks are inert, and the subscription does not keep the JVM alive any more; just before
     * the terminal signal. This action runs also where that of {@link #onRegistered} did not. While other subscribers
     * of a {@link NativeFlux#share} are left, the shared registration stays.
     *
     * @param action runs once for each subscription, on the scheduler's thread, or in the shutdown hook. What the
     *     action throws becomes the error, or is suppressed under the error. Defaults to an action that does nothing.
     * @return changed options
     */
    public CallbackOptions onUnregistered(NativeAction action) {
        requireNonNull(action, "action");
        return with(settings -> settings.onUnregistered = action);
    }

    /**
     * Returns the name of the source.
     *
     * @return not blank
     */
    public String name() {
        return settings.name;
    }

    /**
     * Returns the scheduler that values are delivered on.
     *
     * @return the scheduler
     */
    public CallbackScheduler scheduler() {
        return settings.scheduler;
    }

    /**
     * Returns the policy for values that find the queue full.
     *
     * @return the policy
     */
    public Overflow overflow() {
        return settings.overflow;
    }

    /**
     * Returns whether a subscription keeps the JVM alive.
     *
     * @return true by default
     */
    public boolean keepAlive() {
        return settings.keepAlive;
    }

    /**
     * Returns how many native threads may wait for room at once.
     *
     * @return 1 or more
     */
    public int maxWaiting() {
        return settings.maxWaiting;
    }

    /**
     * Returns how long a caller waits for its turn.
     *
     * @return more than zero
     */
    public Duration answerWithin() {
        return settings.answerWithin;
    }

    /**
     * Returns the consumer of errors that no stream takes.
     *
     * @return null: the defaults of {@link #onError(Consumer)}
     */
    public @Nullable Consumer<? super Throwable> onError() {
        return settings.onError;
    }

    /**
     * Returns the action that runs when a subscription is registered.
     *
     * @return does nothing by default
     */
    public NativeAction onRegistered() {
        return settings.onRegistered;
    }

    /**
     * Returns the action that runs when nothing of a subscription is registered any more.
     *
     * @return does nothing by default
     */
    public NativeAction onUnregistered() {
        return settings.onUnregistered;
    }

    /**
     * Refuses limits of a queue, for kinds that have no queue: a user must not rely on a limit that nothing keeps.
     *
     * @param why what stands in the place of a queue
     */
    CallbackOptions withoutQueue(String why) {
        if (!overflow().equals(DEFAULTS.overflow()) || maxWaiting() != DEFAULTS.maxWaiting()) {
            throw new IllegalArgumentException(
                    "the options of " + name() + " set overflow or maxWaiting, which are for streams: " + why);
        }
        return this;
    }

    @Override
    public String toString() {
        return "CallbackOptions[name=" + name() + ", scheduler=" + scheduler() + ", overflow=" + overflow()
                + ", keepAlive=" + keepAlive() + ", maxWaiting=" + maxWaiting() + ", answerWithin=" + answerWithin()
                + "]";
    }
}
