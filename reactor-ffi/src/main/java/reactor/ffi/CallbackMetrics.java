package reactor.ffi;

import static java.util.Objects.requireNonNull;

import reactor.ffi.internal.stream.SourceStats;

/**
 * What was counted of the sources of one name, since the JVM started. A snapshot; the figures are exact when the source is
 * quiet.
 *
 * @param name the name that {@link CallbackOptions#named} gave
 * @param delivered values that reached a subscriber
 * @param discarded values that went to the discard hook: dropped by the policy, or left over at the end
 * @param reserved values that a thread which must not wait has put into the reserve of {@link Overflow#block}
 * @param lateCalls calls on pointers whose subscription had ended; the fallback answered
 * @param failedCalls calls whose handler threw, or returned what C cannot take
 * @param refusedCalls calls whose handler was not run: nested too deep, not answered in time, or waiting when their callback
 *     was closed
 */
public record CallbackMetrics(
        String name,
        long delivered,
        long discarded,
        long reserved,
        long lateCalls,
        long failedCalls,
        long refusedCalls) {

    /**
     * Reads the counters of a name.
     *
     * @param name the name; all zero if no such source was subscribed to
     * @return a snapshot
     */
    public static CallbackMetrics of(String name) {
        return SourceStats.named(requireNonNull(name, "name")).snapshot();
    }
}
