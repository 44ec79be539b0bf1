package reactor.ffi.internal.ring;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** All rings: none is ever unmapped, as a native thread may hold its address for ever. One that ended is used again. */
public final class Rings {

    /** The rings that have ended, by what they may be used for again. */
    @GuardedBy("Rings.class")
    private static final Map<Ring.Size, Set<Ring>> ENDED = new HashMap<>();

    /** All rings, by their number. Replaced under the lock of this class. */
    private static volatile Ring[] all = {};

    private Rings() {}

    /**
     * Returns a ring for one owner.
     *
     * @param capacity how many records it holds, a power of two
     * @param recordSize the most bytes of a record, a multiple of 32
     * @param whenFull what a producer does that finds it full
     * @param owner who consumes it
     * @param counts who counts what comes after the end; it may be kept for ever
     * @throws IllegalStateException if the system refuses the memory
     */
    public static synchronized Ring open(
            int capacity, int recordSize, WhenFull whenFull, RingOwner owner, CallCounts counts) {
        Ring.Size size = new Ring.Size(capacity, recordSize, whenFull);
        long bell = Machine.hasEmitter() ? Bell.started() : 0;
        Ring ring = pollSettled(size);
        if (ring == null) {
            ring = create(size);
        }
        ring.open(bell, owner, counts);
        return ring;
    }

    /** Returns a ring that may be used again, or null. A ring in which a producer still writes stays where it is. */
    @GuardedBy("Rings.class")
    private static @Nullable Ring pollSettled(Ring.Size size) {
        for (Iterator<Ring> ended = ENDED.getOrDefault(size, Set.of()).iterator(); ended.hasNext(); ) {
            Ring ring = ended.next();
            if (ring.isSettled()) {
                ended.remove();
                return ring;
            }
        }
        return null;
    }

    @GuardedBy("Rings.class")
    private static Ring create(Ring.Size size) {
        int number = all.length;
        Ring[] more = Arrays.copyOf(all, number + 1);
        Ring ring = new Ring(number, memory(RingLayout.RECORDS + (long) size.capacity() * size.stride()), size);
        more[number] = ring;
        all = more;
        return ring;
    }

    private static long memory(long bytes) {
        if (!Machine.hasEmitter()) {
            return Arena.global().allocate(bytes, SystemMemory.PAGE).address();
        }
        long address = SystemMemory.map(bytes, "reactor-ffi: ring");
        SystemMemory.wipeOnFork(address, bytes);
        return address;
    }

    static synchronized void giveBack(Ring ring) {
        ENDED.computeIfAbsent(ring.size, _ -> new LinkedHashSet<>()).add(ring);
    }

    static synchronized boolean countLate(Ring ring, CallCounts counts) {
        if (!ring.countsFor(counts)) {
            return false;
        }
        if (ENDED.getOrDefault(ring.size, Set.of()).contains(ring)) {
            boolean _ = ring.isSettled();
        }
        return true;
    }

    static Ring numbered(int number) {
        return all[number];
    }

    /** Has each owner look for what no bell has told of. */
    static void lookAtAll() {
        for (Ring ring : all) {
            ring.lookAt();
        }
    }
}
