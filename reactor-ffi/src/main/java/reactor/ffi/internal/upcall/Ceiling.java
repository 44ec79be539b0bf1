package reactor.ffi.internal.upcall;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * How many stubs the JVM may have, and which C function type may have one more. A stub is for the life of the process and of
 * its C function type, so whatever one source takes is gone for all others. Two rules keep stubs for them:
 *
 * <ul>
 *   <li>A source whose inert slots are more than a sixteenth of what is left uses its own slots again instead.
 *   <li>The last eighth of all stubs is for C function types that have few: at most a sixteenth of what is left.
 * </ul>
 */
final class Ceiling {

    /**
     * So many stubs fit into any code cache. Up to this number the size of the code cache is not asked for, which takes
     * time.
     */
    private static final int CERTAIN = 64;

    private static final int MOST = 16_384;

    /** How many bytes of the code cache one stub takes at most, with its adapters; the stub alone takes 0.8 KB. */
    private static final int BYTES = 1024;

    /** Stubs take at most one part in so many of the code cache. The rest is for compiled code. */
    private static final int PART = 8;

    /**
     * In ns. For how long no stub is made after the JDK had no memory for one: HotSpot may stop its compilers at each
     * such failure.
     */
    private static final long PAUSE = TimeUnit.SECONDS.toNanos(1);

    /** How many stubs the code cache has room for; zero until its size was asked for. */
    private static volatile int asked;

    private static final AtomicInteger CREATED = new AtomicInteger();

    /** By {@code System.nanoTime}, once {@link #failed}. */
    private static volatile long failedAt;

    private static volatile boolean failed;

    private Ceiling() {}

    /** Returns how many stubs there may be. Asks for the size of the code cache once. Where there is no memory to ask, the answer is the least, for this time. */
    static int limit() {
        int limit = Limits.STUBS == 0 ? asked : Limits.STUBS;
        if (limit == 0) {
            try {
                limit = derived(CodeCache.reserved());
                asked = limit;
            } catch (OutOfMemoryError | StackOverflowError noMemory) {
                limit = CERTAIN;
            }
        }
        return limit;
    }

    /** Returns how many stubs there may be at most where the JVM has that many bytes for machine code. */
    static int derived(long codeCache) {
        return Math.clamp(codeCache / PART / BYTES, CERTAIN, MOST);
    }

    /** Returns how many stubs there are. */
    static int created() {
        return CREATED.get();
    }

    /**
     * Counts one more stub, if it may be made.
     *
     * @param inPool how many stubs its C function type has
     * @param quarantined how many inert slots of its source and C function type wait
     */
    static boolean claim(int inPool, int quarantined) {
        if (failed && System.nanoTime() - failedAt < PAUSE) {
            return false;
        }
        int created = CREATED.get();
        while (mayCreate(created, inPool, quarantined)) {
            if (CREATED.compareAndSet(created, created + 1)) {
                return true;
            }
            created = CREATED.get();
        }
        return false;
    }

    private static boolean mayCreate(int created, int inPool, int quarantined) {
        if (Limits.STUBS == 0 && created < CERTAIN) {
            return true;
        }
        int limit = limit();
        int left = limit - created;
        int share = left / 16;
        boolean modest = quarantined <= Math.max(share, limit / 64);
        return left > 0 && modest && (left > limit / 8 || inPool <= share);
    }

    /** Takes a stub out of the count that could not be made. */
    static void giveBack() {
        CREATED.decrementAndGet();
    }

    /** Begins the pause after the JDK had no memory for a stub, because the code cache or the heap is full. */
    static void full() {
        failedAt = System.nanoTime();
        failed = true;
    }
}
