package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.util.Comparator;
import java.util.List;
import reactor.ffi.internal.metrics.Names;
import reactor.ffi.internal.metrics.SourceCounts;

/**
 * A snapshot of what was counted for the sources of one name since the JVM started. Its figures add up
 * also while values flow: {@code events = delivered + discarded + queued}.
 *
 * <p>A value counts once for each subscription that it was handed to, so a shared stream with three subscribers counts three
 * events for each call.
 *
 * <p>The library keeps the counters of each name that has a subscription, a callback, or a pointer that native code may
 * still call, and besides the counters of the 256 other names that were used last. The counters of an older name are
 * forgotten; if that name is used again, its counters start from zero.
 */
public final class CallbackMetrics {

    private final SourceCounts counts;

    private CallbackMetrics(SourceCounts counts) {
        this.counts = counts;
    }

    /**
     * Reads the counters of a name.
     *
     * @param name the name; all zero if no such source is known
     * @return a snapshot
     */
    public static CallbackMetrics of(String name) {
        return new CallbackMetrics(Names.counts(requireNonNull(name, "name")));
    }

    /**
     * Reads the counters of all names that are known.
     *
     * @return snapshots, in the order of their names
     */
    public static List<CallbackMetrics> all() {
        return Names.counts().stream()
                .map(CallbackMetrics::new)
                .sorted(Comparator.comparing(CallbackMetrics::name))
                .toList();
    }

    /**
     * Returns the name of the sources.
     *
     * @return what {@link CallbackOptions#named} gave
     */
    public String name() {
        return counts.name();
    }

    /**
     * Returns how many values were handed over.
     *
     * @return how many; the value of a thread that waits for room comes later
     */
    public long events() {
        return counts.events();
    }

    /**
     * Returns how many values reached a subscriber.
     *
     * @return how many, including the value that a subscriber is given now
     */
    public long delivered() {
        return counts.delivered();
    }

    /**
     * Returns how many values went to the discard hook.
     *
     * @return how many were dropped by the policy, left over at the end, or too late
     */
    public long discarded() {
        return counts.discarded();
    }

    /**
     * Returns how many values the {@link Overflow} policy dropped because there was no room.
     *
     * @return how many of the discarded ones
     */
    public long dropped() {
        return counts.dropped();
    }

    /**
     * Returns how many values threads that must not wait have put into the reserve of {@link Overflow#block}.
     *
     * @return how many
     */
    public long reserved() {
        return counts.reserved();
    }

    /**
     * Returns how many calls came on pointers whose subscription had ended; the fallback answered them.
     *
     * @return how many
     */
    public long lateCalls() {
        return counts.lateCalls();
    }

    /**
     * Returns how many calls had a handler that threw, or that returned a value which C cannot take.
     *
     * @return how many
     */
    public long failedCalls() {
        return counts.failedCalls();
    }

    /**
     * Returns how many calls had a handler that was not run: calls that nested too deep, got no turn in time, were
     * waiting when their callback was closed, or were waiting for a listener when the stream ended.
     *
     * @return how many
     */
    public long refusedCalls() {
        return counts.refusedCalls();
    }

    /**
     * Returns how many calls of listeners have reached their handlers.
     *
     * @return how many
     */
    public long handledCalls() {
        return counts.handledCalls();
    }

    /**
     * Returns how many calls of listeners found no room.
     *
     * @return how many
     */
    public long droppedCalls() {
        return counts.droppedCalls();
    }

    /**
     * Returns how many calls of listeners have reached their handlers with less than C had: a text, or bytes, longer than the most that
     * {@link Copied} says.
     *
     * @return how many
     */
    public long cutCalls() {
        return counts.cutCalls();
    }

    /**
     * Returns the most calls of listeners that have waited for their handlers in one subscription: how much of the capacity that
     * {@link CallbackOptions#overflow} gives was ever needed. The scheduler counts what waits when it looks, so that a moment
     * between two looks may have had more.
     *
     * @return how many
     */
    public long mostQueuedCalls() {
        return counts.mostQueuedCalls();
    }

    /**
     * Returns how many values have come and have neither been delivered nor discarded.
     *
     * @return how many wait in a queue now. While values flow this may be more than the queues hold, by the values that
     *     came while the others were counted.
     */
    public long queued() {
        return counts.queued();
    }

    /**
     * Returns how many native threads wait for room now.
     *
     * @return how many
     */
    public int waiting() {
        return counts.waiting();
    }

    /**
     * Returns how many subscriptions have not unregistered.
     *
     * @return how many
     */
    public int subscribers() {
        return counts.subscribers();
    }

    @Override
    public String toString() {
        return "CallbackMetrics" + counts;
    }
}
