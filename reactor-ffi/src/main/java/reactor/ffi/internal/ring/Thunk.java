package reactor.ffi.internal.ring;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.jspecify.annotations.Nullable;

/**
 * The few instructions that are a pointer's own, and the cell that says which ring the pointer leads to at present. Both exist
 * for the life of the process.
 */
final class Thunk {

    /** A ring that is closed for ever. Calls that reach this ring are late. */
    private static final long NOWHERE = SystemMemory.map(RingLayout.RECORDS, "reactor-ffi: inert ring");

    final Code code;
    final long address;
    private final long cell;

    /** The time, in nanoTime, until which the thunk waits for reuse. Accessed under the lock of {@link Code}. */
    long quarantinedUntil;

    /** The pointer that calls are counted for, also after that pointer is retired. */
    @GuardedBy("this")
    private @Nullable ListenerPointer bound;

    /** The values of the cell's counters when they were last read. */
    @GuardedBy("this")
    private long full;

    @GuardedBy("this")
    private long late;

    Thunk(Code code, long address, long cell) {
        this.code = code;
        this.address = address;
        this.cell = cell;
        Words.setRelease(cell + RingLayout.RING, NOWHERE);
    }

    synchronized void bind(ListenerPointer pointer, long ring, long info, Results results) {
        count();
        bound = pointer;
        Words.set(cell + RingLayout.INFO, info);
        Words.set(cell + RingLayout.TAKEN, results.taken());
        Words.set(cell + RingLayout.FULL, results.full());
        Words.set(cell + RingLayout.LATE, results.late());
        Words.setRelease(cell + RingLayout.RING, ring);
    }

    /** Lets the thunk lead nowhere. Returns whether the thunk led somewhere for that pointer. */
    synchronized boolean retire(ListenerPointer pointer) {
        if (bound != pointer || Words.get(cell + RingLayout.RING) == NOWHERE) {
            return false;
        }
        Words.setVolatile(cell + RingLayout.RING, NOWHERE);
        return true;
    }

    /** Brings the counts of that pointer up to date. Returns whether later calls still count for that pointer. */
    synchronized boolean counts(ListenerPointer pointer) {
        count();
        return bound == pointer;
    }

    @GuardedBy("this")
    private void count() {
        if (bound != null) {
            long fullNow = Words.getVolatile(cell + RingLayout.FULL_CALLS);
            long lateNow = Words.getVolatile(cell + RingLayout.LATE_CALLS);
            if (fullNow != full || lateNow != late) {
                bound.counts.notTaken(fullNow - full, lateNow - late);
                full = fullNow;
                late = lateNow;
            }
        }
    }
}
