package reactor.ffi.internal.loop;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * How the loop's thread waits: the thread pauses and looks for work again while that pays, then sleeps until a
 * waker unparks it. Also starts the thread, which is its first wake-up.
 *
 * <p>Nothing is missed: a waker makes its work visible, then (full fence) reads {@link #state}; the thread writes
 * {@code state}, then (full fence) looks for work. One of the two sees the other.
 */
final class Idle {

    private static final int AWAKE = 0;
    private static final int PARKED = 1;
    private static final int NOT_STARTED = 2;

    /**
     * One look at the queues in about two microseconds: each look takes the producers' cache line away from them, and looks
     * without a pause made an event six times as expensive.
     */
    private static final long PAUSE = 2_000;

    private static final VarHandle STATE =
            ConstantBootstraps.fieldVarHandle(MethodHandles.lookup(), "state", VarHandle.class, Idle.class, int.class);
    private static final VarHandle WAKE_UPS = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "wakeUps", VarHandle.class, Idle.class, long.class);

    private final Thread thread;

    /** The largest spin budget, in ns. Zero on one core, where no producer could work meanwhile. */
    private final long limit;

    /**
     * The current spin budget, in ns. Doubled after a spin that found work, or a sleep so short that spinning would have; halved
     * after one that did not, down to nothing: a thread that is woken now and then leaves the processor at once to the thread that
     * it has answered. Accessed by the loop's thread only.
     */
    private long budget;

    /** When the loop's thread began to look in vain, in nanoTime; zero while there is work. Accessed by that thread only. */
    private long since;

    /** When the loop's thread last set out to look, in nanoTime. Accessed by that thread only. */
    private long looked;

    /** How often the loop's thread has slept. Written by that thread, read by any thread. */
    private long wakeUps;

    /** The longest turn of late. A turn lasts from a look that found work to the end of that work. */
    private final LongestTurn longest = new LongestTurn(System.nanoTime());

    /**
     * The loop's thread writes PARKED. One waker of each burst replaces that by AWAKE, and that waker alone
     * pays for the unpark.
     */
    private volatile int state = NOT_STARTED;

    /** Whether the scheduler has ended before there was any work. */
    @GuardedBy("this")
    private boolean startCancelled;

    Idle(Thread thread, long limit) {
        this.thread = thread;
        this.limit = Runtime.getRuntime().availableProcessors() == 1 ? 0 : limit;
        this.budget = this.limit;
    }

    /**
     * Wakes the loop's thread if it sleeps. Any thread, after its work was made visible by a full fence, a CAS,
     * or a volatile write.
     */
    void wake() {
        if (state != AWAKE) {
            wakeSlowly();
        }
    }

    /** Returns whether work that is queued now is found without a wake-up. Any thread; approximate. */
    boolean isAwake() {
        return (int) STATE.getOpaque(this) == AWAKE;
    }

    private void wakeSlowly() {
        if (STATE.compareAndSet(this, PARKED, AWAKE)) {
            try {
                LockSupport.unpark(thread);
            } catch (Throwable e) { // no stack for the unpark: the next waker tries again
                state = PARKED;
                throw e;
            }
        } else {
            start();
        }
    }

    /**
     * Starts the loop's thread, if it is not started. Any thread, before it queues work. Where no thread can
     * be had this fails, and the next call tries again.
     */
    void start() {
        if (state == NOT_STARTED) {
            startOnce();
        }
    }

    /**
     * The loop's thread itself writes AWAKE, once it runs. Until then each waker comes here, so that none takes
     * an unstarted thread for a started one.
     */
    private synchronized void startOnce() {
        if (!startCancelled && thread.getState() == Thread.State.NEW) {
            thread.start();
        }
    }

    /** Prevents the start; returns false if the thread is started already. */
    synchronized boolean cancelStart() {
        startCancelled = thread.getState() == Thread.State.NEW;
        if (startCancelled) {
            state = AWAKE;
        }
        return startCancelled;
    }

    // The rest is the loop's thread only.

    /**
     * Says that the thread is awake, before its first look for work, which a full fence precedes.
     */
    void begin() {
        state = AWAKE;
        VarHandle.fullFence();
        looked = System.nanoTime();
    }

    /**
     * Between two looks: waits until the last one is {@link #PAUSE} old, or somebody waits for an answer.
     *
     * @param found whether the last look found work
     * @param urgent whether a caller waits for an answer: only such callers write what this reads, and each is in a hurry
     * @return false if looking has found nothing for long enough
     */
    boolean pause(boolean found, BooleanSupplier urgent) {
        long now = System.nanoTime();
        if (found) {
            longest.record(now - looked, now);
        }
        if (limit == 0) {
            looked = now;
            return found;
        }
        if (found && since != 0) {
            since = 0;
            grow();
        } else if (!found) {
            since = since == 0 ? now : since;
            if (budget == 0) {
                return false;
            }
        }
        while (now - looked < PAUSE) {
            for (int i = 0; i < 8; i++) {
                if (urgent.getAsBoolean()) {
                    looked = now;
                    return true;
                }
                Thread.onSpinWait();
            }
            now = System.nanoTime();
        }
        looked = now;
        return found || now - since < budget;
    }

    private void grow() {
        budget = Math.min(limit, Math.max(PAUSE, budget << 1));
    }

    /**
     * Says that the thread is about to sleep. Work that becomes visible after the look that follows this call
     * wakes the thread.
     */
    void announce() {
        state = PARKED;
        VarHandle.fullFence();
    }

    /** Sleeps, unless woken since {@link #announce()}; at most so many ns, if more than zero. */
    void park(long nanos) {
        if (state == PARKED) {
            long from = System.nanoTime();
            if (nanos > 0) {
                LockSupport.parkNanos(this, nanos);
            } else {
                LockSupport.park(this);
            }
            WAKE_UPS.setOpaque(this, wakeUps + 1);
            looked = System.nanoTime();
            boolean brief = looked - from < limit;
            if (brief) {
                grow();
            } else {
                budget = budget <= PAUSE ? 0 : budget >> 1;
            }
        }
        since = 0;
        Thread.interrupted(); // nobody interrupts this thread on purpose; with the flag set it could not sleep
    }

    /** The opposite of {@link #announce()}. */
    void awake() {
        STATE.setOpaque(this, AWAKE);
    }

    /** Returns how often the thread has slept. Any thread. */
    long wakeUps() {
        return (long) WAKE_UPS.getOpaque(this);
    }

    /** Returns how long the longest turn of late was, in ns. Any thread. */
    long longest() {
        return longest.at(System.nanoTime());
    }
}
