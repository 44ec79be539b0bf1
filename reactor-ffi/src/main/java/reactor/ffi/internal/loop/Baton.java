package reactor.ffi.internal.loop;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The lock under {@link Turn}. Not reentrant: the holder never takes the baton again. Unlike a {@code ReentrantLock},
 * the baton can be handed to a certain thread, and taken away from a thread that is stuck for ever, and a wait for
 * the baton can be given up because something else has happened. Waits are uninterruptible: the flag is remembered
 * and set again.
 */
@SuppressWarnings("ReferenceEquality") // a thread is the same one or another
final class Baton {

    /** A {@code deadline} that never comes. */
    static final long NEVER = Long.MIN_VALUE;

    /**
     * How often a waiting thread looks without being woken, in ns: a holder that has no stack or memory left
     * gives the baton back, which is one store, but wakes nobody.
     */
    private static final long LOOK_AGAIN = 100_000_000;

    /** How often a thread looks that had no memory to enter {@code waiting}, and so is not woken by a release, in ns. */
    private static final long LOOK_OFTEN = 1_000_000;

    @SuppressWarnings(
            "UnnecessaryLambda") // made in advance: there may be no memory for it when it is needed, as for the next
    private static final BooleanSupplier ALWAYS = () -> true;

    private static final Consumer<Thread> UNPARK = LockSupport::unpark;

    private static final int SPINS = Runtime.getRuntime().availableProcessors() == 1 ? 0 : 200;

    private static final VarHandle HOLDER = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "holder", VarHandle.class, Baton.class, Thread.class);

    /**
     * The thread that has the baton. Where this is null, any thread writes itself; else the holder writes null
     * or another thread, or {@link #seize} replaces the holder.
     */
    private volatile @Nullable Thread holder;

    /**
     * Threads that sleep until the baton is free. A release wakes the first; a thread that leaves without the
     * baton wakes the next.
     */
    private final ConcurrentLinkedQueue<Thread> waiting = new ConcurrentLinkedQueue<>();

    Baton(Thread holder) {
        this.holder = holder;
    }

    /**
     * Returns whether the calling thread has the baton. An opaque read is enough, because a thread sees its own
     * writes.
     */
    boolean isMine() {
        return (Thread) HOLDER.getOpaque(this) == Thread.currentThread();
    }

    boolean isHeldBy(Thread thread) {
        return holder == thread;
    }

    boolean tryTake() {
        return holder == null && HOLDER.compareAndSet(this, null, Thread.currentThread());
    }

    /** Takes the baton, however long that lasts. */
    void take() {
        boolean ignored = take(NEVER);
    }

    /** Takes the baton, or returns false at the deadline. */
    boolean take(long deadline) {
        return take(deadline, ALWAYS);
    }

    /**
     * Waits for the baton; returns whether the calling thread has it.
     *
     * @param deadline in nanoTime, or {@link #NEVER}
     * @param wanted asked before each sleep, and again after {@link #wakeAll()}; false gives the wait up
     */
    boolean take(long deadline, BooleanSupplier wanted) {
        for (int i = 0; i <= SPINS; i++) {
            if (tryTake()) {
                return true;
            }
            Thread.onSpinWait();
        }
        Thread me = Thread.currentThread();
        boolean queued = enqueue(me);
        boolean taken = false;
        boolean interrupted = false;
        try {
            taken = tryTake() || isHeldBy(me); // after it was queued: a release from here on wakes it
            while (!taken && wanted.getAsBoolean()) {
                long left = deadline == NEVER ? Long.MAX_VALUE : deadline - System.nanoTime();
                if (left <= 0) {
                    break;
                }
                LockSupport.parkNanos(this, Math.min(left, queued ? LOOK_AGAIN : LOOK_OFTEN));
                interrupted |= Thread.interrupted();
                taken = tryTake() || isHeldBy(me);
            }
        } finally { // whatever wanted throws: who stays queued keeps the wake-ups of the others
            waiting.remove(me);
            if (!taken && holder == null) {
                wakeFirst(); // the release that woke this thread was meant for somebody who wants it
            }
            if (interrupted) {
                me.interrupt();
            }
        }
        return taken;
    }

    /**
     * Gives the baton back. By the holder only. The store needs no stack; where the wake-up has none,
     * {@link #LOOK_AGAIN} has another thread find the baton.
     */
    void release() {
        holder = null;
        wakeFirst();
    }

    /** Hands the baton to a thread that waits for it without a deadline. By the holder only. */
    void handTo(Thread next) {
        holder = next;
        LockSupport.unpark(next);
    }

    /** Takes the baton from a thread that will not go on before the caller has released the baton. */
    boolean seize(Thread from) {
        return HOLDER.compareAndSet(this, from, Thread.currentThread());
    }

    void wakeAll() {
        waiting.forEach(UNPARK);
    }

    private boolean enqueue(Thread me) {
        try {
            return waiting.add(me);
        } catch (OutOfMemoryError _) { // it looks every millisecond instead
            return false;
        }
    }

    private void wakeFirst() {
        Thread next = waiting.peek();
        if (next != null) {
            LockSupport.unpark(next);
        }
    }
}
