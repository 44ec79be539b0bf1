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
 * The lock under {@link Turn}. Not reentrant: who holds it never takes it. Unlike {@code ReentrantLock} it can be handed to
 * a certain thread, taken away from one that is stuck for ever, and a wait for it can be given up because something
 * else has happened. Waits are uninterruptible: the flag is remembered and set again.
 */
@SuppressWarnings("ReferenceEquality") // a thread is the same one or another
final class Baton {

    /** A {@code deadline} that never comes. */
    static final long NEVER = Long.MIN_VALUE;

    /**
     * Whoever waits looks by itself that often: a holder without stack or memory gives the baton back, as that is one store,
     * but wakes nobody.
     */
    private static final long LOOK_AGAIN = 100_000_000;

    /** As {@link #LOOK_AGAIN}, where there was no memory to be woken at all. */
    private static final long LOOK_OFTEN = 1_000_000;

    @SuppressWarnings(
            "UnnecessaryLambda") // made in advance: there may be no memory for it when it is needed, as for the next
    private static final BooleanSupplier ALWAYS = () -> true;

    private static final Consumer<Thread> UNPARK = LockSupport::unpark;

    private static final int SPINS = Runtime.getRuntime().availableProcessors() == 1 ? 0 : 200;

    private static final VarHandle HOLDER = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "holder", VarHandle.class, Baton.class, Thread.class);

    /** From null to a thread: by that thread. From a thread to null or to another: by that thread, or by {@link #seize}. */
    private volatile @Nullable Thread holder;

    /** Threads that sleep until the holder goes. A release wakes the first; who leaves without the baton wakes the next. */
    private final ConcurrentLinkedQueue<Thread> waiting = new ConcurrentLinkedQueue<>();

    Baton(Thread holder) {
        this.holder = holder;
    }

    /** A thread always sees its own taking and releasing, so the weakest read will do. */
    boolean isMine() {
        return (Thread) HOLDER.getOpaque(this) == Thread.currentThread();
    }

    boolean isHeldBy(Thread thread) {
        return holder == thread;
    }

    boolean tryTake() {
        return holder == null && HOLDER.compareAndSet(this, null, Thread.currentThread());
    }

    /** Takes it, however long that lasts. */
    void take() {
        boolean ignored = take(NEVER);
    }

    /** Takes it, or gives up at the deadline. */
    boolean take(long deadline) {
        return take(deadline, ALWAYS);
    }

    /**
     * Waits for it.
     *
     * @param deadline in nanoTime, or {@link #NEVER}
     * @param wanted gives the wait up when false; {@link #wakeAll()} has it asked again
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

    /** By the holder only. The store needs no stack; if the rest has none, see {@link #LOOK_AGAIN}. */
    void release() {
        holder = null;
        wakeFirst();
    }

    /** By the holder only: to that thread, which waits for it without a deadline. */
    void handTo(Thread next) {
        holder = next;
        LockSupport.unpark(next);
    }

    /** Takes it from a thread that will not go on before the caller has released it. */
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
