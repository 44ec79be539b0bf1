package reactor.ffi.internal.metrics;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;

/** What is counted for all listeners of one name. A call is counted once, where its way ends. Any thread may count. */
public final class ListenerCounters {

    /** Calls that reached their handlers. */
    public final LongAdder handled = new LongAdder();

    /** Calls that waited for their handlers when the stream ended. */
    public final LongAdder leftOver = new LongAdder();

    private final LongAdder dropped = new LongAdder();
    private final LongAdder late = new LongAdder();

    /** The pointers whose machine code counts under this name. */
    private final Set<BooleanSupplier> pointers = ConcurrentHashMap.newKeySet();

    /**
     * Reads the counts of a pointer in each snapshot.
     *
     * @param pointer calls {@link #notTaken}; false: its machine code counts for another name by now
     */
    public void add(BooleanSupplier pointer) {
        pointers.add(pointer);
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

    /** Brings the counts up to date with what machine code has counted. */
    void update() {
        pointers.removeIf(pointer -> !pointer.getAsBoolean());
    }

    long dropped() {
        return dropped.sum();
    }

    long late() {
        return late.sum();
    }
}
