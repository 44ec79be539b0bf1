package reactor.ffi.internal.metrics;

/** The figures of one snapshot, see {@link reactor.ffi.CallbackMetrics}. */
public record SourceCounts(
        String name,
        long events,
        long delivered,
        long discarded,
        long dropped,
        long reserved,
        long lateCalls,
        long failedCalls,
        long refusedCalls,
        long handledCalls,
        long droppedCalls,
        long cutCalls,
        long mostQueuedCalls,
        long queued,
        int waiting,
        int subscribers) {

    /** Without the name of this class, because the text follows the name of the public class. */
    @Override
    public String toString() {
        return "[name=" + name + ", events=" + events + ", delivered=" + delivered + ", discarded=" + discarded
                + ", dropped=" + dropped + ", reserved=" + reserved + ", lateCalls=" + lateCalls + ", failedCalls="
                + failedCalls + ", refusedCalls=" + refusedCalls + ", handledCalls=" + handledCalls + ", droppedCalls="
                + droppedCalls + ", cutCalls=" + cutCalls + ", mostQueuedCalls=" + mostQueuedCalls + ", queued="
                + queued + ", waiting=" + waiting
                + ", subscribers=" + subscribers + "]";
    }
}
