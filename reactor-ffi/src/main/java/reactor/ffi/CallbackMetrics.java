package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.util.List;
import reactor.ffi.internal.stream.SourceStats;

/**
 * What was counted of the sources of one name, since the JVM started. A snapshot; the figures are exact when the source is
 * quiet: then {@code events = delivered + discarded + queued}.
 *
 * <p>A value counts once for each subscription that it was handed to, so a shared stream with three subscribers counts three
 * events for each call.
 *
 * <p>What is kept: the counters of each name that has a subscription, a callback, or a pointer that native code may still
 * call; of the other names the 256 that were used last. A name is all that is kept of a source that has ended. With names
 * without end the oldest are forgotten, and start from zero if they come again.
 *
 * @param name the name that {@link CallbackOptions#named} gave
 * @param events values that were handed over; the one of a thread that waits for room comes later
 * @param delivered values that reached a subscriber
 * @param discarded values that went to the discard hook: dropped by the policy, left over at the end, or too late
 * @param dropped of the discarded ones, those that the {@link Overflow} policy dropped because there was no room
 * @param reserved values that a thread which must not wait has put into the reserve of {@link Overflow#block}
 * @param lateCalls calls on pointers whose subscription had ended; the fallback answered
 * @param failedCalls calls whose handler threw, or returned what C cannot take
 * @param refusedCalls calls whose handler was not run: nested too deep, not answered in time, or waiting when their callback
 *     was closed
 * @param queued values that wait in a queue now
 * @param waiting native threads that wait for room now
 * @param subscribers subscriptions that have not unregistered
 */
public record CallbackMetrics(
        String name,
        long events,
        long delivered,
        long discarded,
        long dropped,
        long reserved,
        long lateCalls,
        long failedCalls,
        long refusedCalls,
        long queued,
        int waiting,
        int subscribers) {

    /**
     * Reads the counters of a name.
     *
     * @param name the name; all zero if no such source is known
     * @return a snapshot
     */
    public static CallbackMetrics of(String name) {
        return SourceStats.snapshot(requireNonNull(name, "name"));
    }

    /**
     * Reads the counters of all names that are known.
     *
     * @return snapshots, in the order of their names
     */
    public static List<CallbackMetrics> all() {
        return SourceStats.snapshots();
    }
}
