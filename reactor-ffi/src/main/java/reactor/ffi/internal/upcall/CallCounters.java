package reactor.ffi.internal.upcall;

import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The calls of a source that did not reach a handler, or that a handler failed. Outlives the source: late calls count here. */
public final class CallCounters {

    private final String name;

    // Not LongAdder: it allocates under contention, and what is counted may be an OutOfMemoryError.
    final AtomicLong failed = new AtomicLong();
    final AtomicLong late = new AtomicLong();
    final AtomicLong refused = new AtomicLong();

    /** What the stream's room counts under the same name, which this room does not know. Guarded by this. */
    private @Nullable Object values;

    /**
     * Counters of their own; {@link Names#of} has those of a name.
     *
     * @param name whose calls they count
     */
    public CallCounters(String name) {
        this.name = name;
    }

    /** Whose calls these are. */
    public String name() {
        return name;
    }

    /** Calls whose handler threw or returned what C cannot take. */
    public long failed() {
        return failed.get();
    }

    /** Calls on a pointer whose slot was already inert. */
    public long late() {
        return late.get();
    }

    /** Calls that were nested too deep, or did not get their turn. */
    public long refused() {
        return refused.get();
    }

    /**
     * What counts the values under this name, and lives as long as this.
     *
     * @param type the one class that is ever asked for
     * @param maker makes the first
     */
    public synchronized <V> V values(Class<V> type, Function<CallCounters, V> maker) {
        if (values == null) {
            values = maker.apply(this);
        }
        return type.cast(values);
    }
}
