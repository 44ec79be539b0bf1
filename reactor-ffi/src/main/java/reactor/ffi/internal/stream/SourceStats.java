package reactor.ffi.internal.stream;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import reactor.ffi.internal.upcall.CallCounters;
import reactor.ffi.internal.upcall.Names;

/**
 * The counters of all sources of one name. They outlive the subscriptions: late calls come after the end.
 *
 * <p>A value is counted once, where its way ends. That it came is not counted at all where it is queued: the queue's own
 * index tells, and beside the index is the count of those that were delivered. So an event costs its native thread nothing
 * here, unless it is turned away.
 */
public final class SourceStats {

    final CallCounters calls;

    /** Delivered there and then, and never queued. */
    final LongAdder inPlace = new LongAdder();

    /** Dropped by the policy: out of the queue, and at its door. */
    final LongAdder evicted = new LongAdder();

    final LongAdder turnedAway = new LongAdder();

    /** After the end, or with nobody there: discarded at the door, and left in the queue. */
    final LongAdder refused = new LongAdder();

    final LongAdder leftOver = new LongAdder();

    final LongAdder reserved = new LongAdder();

    /** Of the subscriptions that live. */
    @GuardedBy("this")
    private final Set<Intake<?>> live = new HashSet<>();

    /** What those have queued, and delivered of that, that live no more. */
    @GuardedBy("this")
    private long queuedByEnded;

    @GuardedBy("this")
    private long deliveredByEnded;

    private SourceStats(CallCounters calls) {
        this.calls = calls;
    }

    public static SourceStats named(String name) {
        return of(Names.of(name));
    }

    private static SourceStats of(CallCounters calls) {
        return calls.values(SourceStats.class, SourceStats::new);
    }

    /** Of a name; all zero if nothing is known of it. */
    public static SourceCounts snapshot(String name) {
        CallCounters calls = Names.find(name);
        return of(calls == null ? new CallCounters(name) : calls).snapshot();
    }

    /** Of all names that are known, in their order. */
    public static List<SourceCounts> snapshots() {
        return Names.all().stream()
                .map(calls -> of(calls).snapshot())
                .sorted(Comparator.comparing(SourceCounts::name))
                .toList();
    }

    synchronized void began(Intake<?> intake) {
        live.add(intake);
    }

    /** Nothing is queued any more, and nothing will be. */
    synchronized void ended(Intake<?> intake) {
        if (live.remove(intake)) {
            queuedByEnded += intake.everQueued();
            deliveredByEnded += intake.delivered();
        }
    }

    /**
     * First where values leave a queue, then where they come in: so never more are seen to leave than to come, and the
     * difference is what is queued.
     */
    private synchronized SourceCounts snapshot() {
        long fromQueues = deliveredByEnded;
        for (Intake<?> intake : live) {
            fromQueues += intake.delivered();
        }
        long evictedOnes = evicted.sum();
        long leftOverOnes = leftOver.sum();
        long atTheDoor = turnedAway.sum();
        long delivered = fromQueues + inPlace.sum();
        long dropped = evictedOnes + atTheDoor;
        long discarded = dropped + refused.sum() + leftOverOnes;
        long queued = queuedByEnded - fromQueues - evictedOnes - leftOverOnes;
        int waiting = 0;
        for (Intake<?> intake : live) {
            queued += intake.everQueued();
            waiting += intake.waiting();
        }
        return new SourceCounts(
                calls.name(),
                delivered + discarded + queued,
                delivered,
                discarded,
                dropped,
                reserved.sum(),
                calls.late(),
                calls.failed(),
                calls.refused(),
                queued,
                waiting,
                live.size());
    }
}
