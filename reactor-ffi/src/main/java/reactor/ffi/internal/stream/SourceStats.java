package reactor.ffi.internal.stream;

import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.internal.upcall.CallCounters;
import reactor.ffi.internal.upcall.Names;

/**
 * The counters of all sources of one name. They outlive the subscriptions: late calls come after the end.
 *
 * <p>A value is counted once, where its way ends. That it came is not counted at all where it is queued: the queue's own
 * index tells. So an event costs its native thread nothing here, unless it is turned away.
 */
public final class SourceStats {

    final CallCounters calls;

    /** Out of the queue, to the subscriber. By the scheduler's thread, once for each batch. */
    final LongAdder drained = new LongAdder();

    /** Delivered there and then, and never queued. */
    final LongAdder inPlace = new LongAdder();

    /** Dropped by the policy: out of the queue, and at its door. */
    final LongAdder evicted = new LongAdder();

    final LongAdder turnedAway = new LongAdder();

    /** After the end, or with nobody there: discarded at the door, and left in the queue. */
    final LongAdder refused = new LongAdder();

    final LongAdder leftOver = new LongAdder();

    final LongAdder reserved = new LongAdder();

    /** Of the subscriptions that live. Guarded by this, as what follows. */
    private final Set<Intake<?>> live = new HashSet<>();

    /** What those have queued that live no more. */
    private long queuedByEnded;

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
    public static CallbackMetrics snapshot(String name) {
        CallCounters calls = Names.find(name);
        return of(calls == null ? new CallCounters(name) : calls).snapshot();
    }

    /** Of all names that are known, in their order. */
    public static List<CallbackMetrics> snapshots() {
        return Names.all().stream()
                .map(calls -> of(calls).snapshot())
                .sorted(Comparator.comparing(CallbackMetrics::name))
                .toList();
    }

    synchronized void began(Intake<?> intake) {
        live.add(intake);
    }

    /** Nothing is queued any more, and nothing will be. */
    synchronized void ended(Intake<?> intake) {
        if (live.remove(intake)) {
            queuedByEnded += intake.everQueued();
        }
    }

    /** First where values leave, then where they come in: never more are seen to leave than to come. */
    private CallbackMetrics snapshot() {
        long dropped = evicted.sum() + turnedAway.sum();
        long discarded = dropped + refused.sum() + leftOver.sum();
        long delivered = drained.sum() + inPlace.sum();
        long events = inPlace.sum() + turnedAway.sum() + refused.sum();
        long queued = 0;
        int waiting = 0;
        int subscribers;
        synchronized (this) {
            events += queuedByEnded;
            for (Intake<?> intake : live) {
                events += intake.everQueued();
                queued += intake.queued();
                waiting += intake.waiting();
            }
            subscribers = live.size();
        }
        return new CallbackMetrics(
                calls.name(),
                events,
                delivered,
                discarded,
                dropped,
                reserved.sum(),
                calls.late(),
                calls.failed(),
                calls.refused(),
                queued,
                waiting,
                subscribers);
    }
}
