package reactor.ffi.internal.upcall;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import reactor.ffi.internal.life.AtExit;

/**
 * The records of all live threads that have made an upcall, for those that read them: which calls are inside a slot, how
 * many calls have begun, and whether native threads have become quiet.
 */
public final class NativeThreads {

    private static final Set<ThreadRecord> ALL = ConcurrentHashMap.newKeySet();

    /** How many calls the threads had begun whose records were swept. */
    private static final AtomicLong BEGUN_BY_THE_DEAD = new AtomicLong();

    private static final AtomicLong CREATED = new AtomicLong();

    /**
     * The size at which the records of dead threads are swept next: twice the size after the last sweep, so that the
     * cost of sweeping is O(1) for each thread.
     */
    private static volatile int sweepAt = 64;

    private static volatile long lastLateCall = System.nanoTime() - TimeUnit.MINUTES.toNanos(1);
    private static volatile long lastNewThread = lastLateCall;

    static {
        AtExit.linger(NativeThreads::linger);
    }

    private NativeThreads() {}

    static long enlist(ThreadRecord record) {
        lastNewThread = System.nanoTime();
        if (ALL.size() >= sweepAt) {
            sweep();
        }
        ALL.add(record);
        return CREATED.incrementAndGet();
    }

    @SuppressWarnings("ModifyCollectionInEnhancedForLoop") // a concurrent set
    private static synchronized void sweep() {
        for (ThreadRecord record : ALL) {
            if (!record.isAlive() && ALL.remove(record)) {
                BEGUN_BY_THE_DEAD.addAndGet(record.begun());
            }
        }
        sweepAt = Math.max(64, 2 * ALL.size());
    }

    static void sawLateCall() {
        lastLateCall = System.nanoTime();
    }

    /**
     * Returns the calls that are inside a slot now. Once the slot is inert, no call that found it live is missing: see
     * {@link HeavyBarrier}.
     */
    static List<ThreadRecord.Call> inside(int slot) {
        HeavyBarrier.issue();
        List<ThreadRecord.Call> inside = new ArrayList<>();
        for (ThreadRecord record : ALL) {
            record.addCalls(slot, inside);
        }
        return inside;
    }

    /** The slots that calls are inside of now: of those that found one live which is inert now, none is missing. */
    static Set<Integer> held() {
        HeavyBarrier.issue();
        Set<Integer> held = new HashSet<>();
        for (ThreadRecord record : ALL) {
            record.addHeld(held);
        }
        return held;
    }

    /**
     * Waits until calls have left, except for those of the calling thread.
     *
     * @param inside from {@link #inside}
     * @param nanos how long to wait
     * @return false if a call is still inside after that time
     */
    static boolean awaitLeft(List<ThreadRecord.Call> inside, long nanos) {
        long deadline = System.nanoTime() + nanos;
        boolean interrupted = false;
        try {
            for (ThreadRecord.Call call : inside) {
                for (int looks = 0; !call.isOver() && !call.record().isOf(Thread.currentThread()); looks++) {
                    if (System.nanoTime() - deadline >= 0) {
                        return false;
                    }
                    if (looks < 100) {
                        Thread.onSpinWait();
                    } else {
                        interrupted |= Thread.interrupted(); // else it would not park
                        LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(50));
                    }
                }
            }
            return true;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Returns how many upcalls have begun since the JVM started. */
    public static long begun() {
        long sum = BEGUN_BY_THE_DEAD.get();
        for (ThreadRecord record : ALL) {
            sum += record.begun();
        }
        return sum;
    }

    /** Returns how many threads are known: live ones, and dead ones that are not swept yet. */
    static int known() {
        return ALL.size();
    }

    /** Returns how many threads have made an upcall since the JVM started. */
    public static long seen() {
        return CREATED.get();
    }

    /**
     * Waits until no upcall has begun for 20 ms, if a late call or a new native thread was seen in the last second: a JVM that
     * ends while a native thread attaches dies of SIGSEGV. At most 200 ms, but where new threads keep coming until 200 ms after
     * the last of them, at most 2 s: a source that starts a thread for each event may have started thousands.
     */
    public static void linger() {
        long start = System.nanoTime();
        if (start - Math.max(lastLateCall, lastNewThread) > TimeUnit.SECONDS.toNanos(1)) {
            return;
        }
        long begun = begun();
        long quietSince = start;
        for (long now = start;
                now - quietSince < TimeUnit.MILLISECONDS.toNanos(20)
                        && now - Math.max(start, lastNewThread) < TimeUnit.MILLISECONDS.toNanos(200)
                        && now - start < TimeUnit.SECONDS.toNanos(2);
                now = System.nanoTime()) {
            long seen = begun();
            if (seen != begun) {
                begun = seen;
                quietSince = now;
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
        }
    }
}
