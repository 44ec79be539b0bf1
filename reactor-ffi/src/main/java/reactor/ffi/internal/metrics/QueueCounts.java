package reactor.ffi.internal.metrics;

/**
 * What the queue of one subscription counts by itself, beside its own indexes, so that a value which is queued costs its
 * native thread no other counter. {@link SourceCounters} reads these while the subscription lives. Any thread may read them.
 */
public interface QueueCounts {

    /** Returns how many values were ever put into the queue. */
    long everQueued();

    /** Returns how many values were taken out of the queue and delivered. */
    long delivered();

    /** Returns how many native threads wait for room in the queue now. */
    int waiting();
}
