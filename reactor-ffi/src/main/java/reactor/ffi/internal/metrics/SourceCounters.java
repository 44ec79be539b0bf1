package reactor.ffi.internal.metrics;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * What is counted for all sources of one name: calls that failed, and what became of values. The counters outlive the
 * sources, because late calls come after the end. Any thread may count.
 *
 * <p>A value is counted once, where its way ends. That a value came is not counted at all where the value is queued: the
 * index of the queue tells that, and the queue itself counts those that were delivered, see {@link QueueCounts}. So an event
 * costs its native thread nothing here, unless the event is turned away.
 */
public final class SourceCounters {

    private final String name;

    // Not LongAdder, which allocates under contention: what is counted may be an OutOfMemoryError.
    private final AtomicLong failedCalls = new AtomicLong();
    private final AtomicLong lateCalls = new AtomicLong();
    private final AtomicLong refusedCalls = new AtomicLong();

    /** Values that were delivered by the {@code sink.next} that brought them, and never queued. */
    public final LongAdder deliveredInPlace = new LongAdder();

    /** Values that the overflow policy dropped out of the queue. */
    public final LongAdder evicted = new LongAdder();

    /** Values that the overflow policy dropped before they were queued. */
    public final LongAdder turnedAway = new LongAdder();

    /** Values that came after the end of their subscription, or to a shared stream without subscribers: discarded. */
    public final LongAdder tooLate = new LongAdder();

    /** Values that the end of their subscription found in the queue: discarded. */
    public final LongAdder leftOver = new LongAdder();

    /** Values that were put into the reserve of the queue. */
    public final LongAdder reserved = new LongAdder();

    /** The calls of listeners. */
    public final ListenerCounters listeners = new ListenerCounters();

    /** Of the subscriptions that live. */
    @GuardedBy("this")
    private final Set<QueueCounts> live = new HashSet<>();

    /** How many values the subscriptions that have ended had queued. */
    @GuardedBy("this")
    private long queuedByEnded;

    /** How many of those the subscriptions that have ended had delivered. */
    @GuardedBy("this")
    private long deliveredByEnded;

    /**
     * Makes counters of their own; {@link Names#of} returns those that all sources of a name share.
     *
     * @param name the name of the sources
     */
    public SourceCounters(String name) {
        this.name = name;
    }

    /** Returns the name of the sources. */
    public String name() {
        return name;
    }

    // ---- calls. To count one allocates nothing.

    /** Counts a call whose handler threw, or returned what C cannot take. */
    public void countFailedCall() {
        failedCalls.incrementAndGet();
    }

    /** Counts a call on a pointer whose slot was already inert. */
    public void countLateCall() {
        lateCalls.incrementAndGet();
    }

    /** Counts a call whose handler was not run: nested too deep, or without a turn in time. */
    public void countRefusedCall() {
        refusedCalls.incrementAndGet();
    }

    /** Returns how many calls failed. */
    public long failedCalls() {
        return failedCalls.get();
    }

    /** Returns how many calls were late. */
    public long lateCalls() {
        return lateCalls.get();
    }

    /** Returns how many calls were refused. */
    public long refusedCalls() {
        return refusedCalls.get();
    }

    // ---- subscriptions

    /** Reads these counts in each snapshot, from now on. */
    public synchronized void began(QueueCounts queue) {
        live.add(queue);
    }

    /** Adds these counts up, which do not change any more. */
    public synchronized void ended(QueueCounts queue) {
        if (live.remove(queue)) {
            queuedByEnded += queue.everQueued();
            deliveredByEnded += queue.delivered();
        }
    }

    /**
     * Reads all counters: first where values leave a queue, then where values come in. So a snapshot never shows more values
     * that left than came, and the difference is what is queued.
     */
    public synchronized SourceCounts snapshot() {
        long fromQueues = deliveredByEnded;
        for (QueueCounts queue : live) {
            fromQueues += queue.delivered();
        }
        long evictedOnes = evicted.sum();
        long leftOverOnes = leftOver.sum();
        long delivered = fromQueues + deliveredInPlace.sum();
        long dropped = evictedOnes + turnedAway.sum();
        long discarded = dropped + tooLate.sum() + leftOverOnes;
        long queued = queuedByEnded - fromQueues - evictedOnes - leftOverOnes;
        int waiting = listeners.waiting();
        for (QueueCounts queue : live) {
            queued += queue.everQueued();
            waiting += queue.waiting();
        }
        listeners.update();
        return new SourceCounts(
                name,
                delivered + discarded + queued,
                delivered,
                discarded,
                dropped,
                reserved.sum(),
                lateCalls() + listeners.late(),
                failedCalls(),
                refusedCalls() + listeners.leftOver.sum(),
                listeners.handled.sum(),
                listeners.dropped(),
                listeners.cut.sum(),
                listeners.mostQueued(),
                queued,
                waiting,
                live.size());
    }
}
