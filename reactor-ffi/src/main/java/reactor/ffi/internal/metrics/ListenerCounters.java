package reactor.ffi.internal.metrics;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;

/** What is counted for all listeners of one name. A call is counted once, where its way ends. Any thread may count. */
public final class ListenerCounters {

    /** Calls that reached their handlers. */
    public final LongAdder handled = new LongAdder();

    /** Of those, the calls whose handlers got less than C had, see {@link reactor.ffi.Copied}. */
    public final LongAdder cut = new LongAdder();

    /** Calls that waited for their handlers when the stream ended. */
    public final LongAdder leftOver = new LongAdder();

    private final LongAdder dropped = new LongAdder();
    private final LongAdder late = new LongAdder();

    private final LongAccumulator mostQueued = new LongAccumulator(Math::max, 0);

    /** Of the rings of subscriptions that live. */
    private final Set<IntSupplier> waiting = ConcurrentHashMap.newKeySet();

    /** What is read in each snapshot, by where it is counted. Those places are few, as each is used again. */
    private final Map<Object, BooleanSupplier> elsewhere = new ConcurrentHashMap<>();

    /**
     * Reads in each snapshot what native memory has counted.
     *
     * @param place where it is counted: another count of the same place is read no more
     * @param count calls {@link #notTaken}; false: that place counts for another name by now
     */
    public void add(Object place, BooleanSupplier count) {
        elsewhere.put(place, count);
    }

    /**
     * Counts calls that were not taken.
     *
     * @param full how many found no room
     * @param tooLate how many came after the end
     */
    public void notTaken(long full, long tooLate) {
        dropped.add(full);
        late.add(tooLate);
    }

    /** Notes how many calls a ring held when its consumer looked. */
    public void queued(long calls) {
        mostQueued.accumulate(calls);
    }

    /** Reads in each snapshot how many native threads wait for room in a ring. */
    public void began(IntSupplier waitingThreads) {
        waiting.add(waitingThreads);
    }

    /** The opposite of {@link #began}. */
    public void ended(IntSupplier waitingThreads) {
        waiting.remove(waitingThreads);
    }

    /** Brings the counts up to date with what native memory has counted. */
    void update() {
        elsewhere.values().removeIf(count -> !count.getAsBoolean());
    }

    int waiting() {
        int all = 0;
        for (IntSupplier threads : waiting) {
            all += threads.getAsInt();
        }
        return all;
    }

    long dropped() {
        return dropped.sum();
    }

    long late() {
        return late.sum();
    }

    long mostQueued() {
        return mostQueued.get();
    }
}
