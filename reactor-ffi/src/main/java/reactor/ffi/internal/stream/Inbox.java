package reactor.ffi.internal.stream;

import java.lang.invoke.VarHandle;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import reactor.core.Exceptions;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CallbackOptions;
import reactor.ffi.Overflow;
import reactor.ffi.internal.Awaited;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.loop.Turn;
import reactor.ffi.internal.loop.Watch;
import reactor.ffi.internal.metrics.QueueCounts;
import reactor.ffi.internal.metrics.SourceCounters;

/**
 * The one door of a stream's queue: producers {@link #put}, the consumer {@link #take}s. Also what happens to a value that finds
 * the queue full: the overflow policy, and the threads that wait for room.
 *
 * <p>No waiter is missed: a waiter is first in {@code waiting}, then offers once more, then parks; the consumer first
 * makes room, then looks into {@code waiting}. It wakes as many as there is room for. Who is woken and finds the room taken
 * queues again.
 */
final class Inbox<T> implements QueueCounts {

    private static final boolean ONE_CORE = Runtime.getRuntime().availableProcessors() == 1;
    private static final int SPINS = ONE_CORE ? 0 : 40;

    /**
     * While so many values are queued the consumer leaves the newest for its next look: whoever reads right behind a producer
     * takes the cache line that the producer is about to write.
     */
    private static final int DISTANCE = 48;

    /** A queue of fewer places would be full of what the consumer leaves. */
    private static final int CAPACITY_FOR_DISTANCE = 1024;

    /** After so many values, a cache line of the queue, the consumer looks again whether the newest are far enough. */
    private static final int LINE = 16;

    /** The limit of an offer. */
    private final long capacity;

    private final EventQueue<T> queue;
    private final boolean keepsDistance;
    private final CallbackOptions options;
    private final Overflow overflow;
    private final LoopScheduler scheduler;
    private final Turn turn;
    private final SourceCounters counters;
    private final InboxOwner<T> owner;

    private final Queue<Thread> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger waiters = new AtomicInteger();

    /** The position of the queue at which threads that wait for room were woken last. Accessed by the consumer only. */
    private long wokenAt;

    Inbox(InboxOwner<T> owner, CallbackOptions options, LoopScheduler scheduler, SourceCounters counters) {
        this.owner = owner;
        this.options = options;
        this.overflow = options.overflow();
        this.scheduler = scheduler;
        this.turn = scheduler.thread().turn();
        this.counters = counters;
        this.capacity = overflow.policy() == Overflow.Policy.UNBOUNDED ? Long.MAX_VALUE : overflow.capacity();
        boolean evicting = overflow.policy() == Overflow.Policy.DROP_OLDEST;
        this.queue = new EventQueue<>(evicting);
        this.keepsDistance = !evicting && capacity >= CAPACITY_FOR_DISTANCE;
    }

    // ---- producers: any thread

    /**
     * Queues a value and signals the owner, or does what the overflow policy says.
     *
     * @return false if the value will never be delivered; then it has been discarded
     */
    boolean put(T value) {
        int outcome = queue.offer(value, capacity);
        if (outcome == EventQueue.OFFERED) {
            owner.signalClaimed();
            return true;
        }
        return overflowed(value, outcome);
    }

    private boolean overflowed(T value, int outcome) {
        if (outcome != EventQueue.FULL) {
            return notTaken(value, outcome);
        }
        return switch (overflow.policy()) {
            case BLOCK -> waitForRoom(value);
            case DROP_OLDEST -> dropOldest(value);
            case DROP_NEWEST -> turnAway(value);
            case ERROR, UNBOUNDED -> overflow(value, "the queue of " + options.name() + " is full: " + overflow);
        };
    }

    private boolean notTaken(T value, int outcome) {
        return outcome == EventQueue.EVICTED ? evicted(value) : discardTooLate(value);
    }

    /** Other threads have brought as many values as the queue holds, since this one had its place. */
    private boolean evicted(T value) {
        owner.discard(value, counters.evicted);
        return false;
    }

    /** The queue is closed. */
    private boolean discardTooLate(T value) {
        owner.discard(value, counters.tooLate);
        return false;
    }

    /** There is no room. */
    private boolean turnAway(T value) {
        owner.discard(value, counters.turnedAway);
        return false;
    }

    private boolean overflow(T value, String why) {
        owner.fail(Exceptions.failWithOverflow(why));
        queue.close(); // if another thread failed it, that may come later: this thread's next value must not follow
        // a gap
        return turnAway(value);
    }

    /** Goes round again only if another thread has taken the room: no thread is waited for, see {@link EventQueue}. */
    private boolean dropOldest(T value) {
        int outcome = EventQueue.FULL;
        while (outcome == EventQueue.FULL) {
            T oldest = queue.evict(capacity);
            if (oldest != null) {
                owner.discard(oldest, counters.evicted);
            }
            outcome = queue.offer(value, capacity);
        }
        return outcome == EventQueue.OFFERED ? taken() : notTaken(value, outcome);
    }

    private boolean taken() {
        owner.signal();
        return true;
    }

    private boolean waitForRoom(T value) {
        if (mayNotWait()) {
            return reserve(value);
        }
        int others = enter();
        if (others == options.maxWaiting()) {
            return overflow(
                    value,
                    others + " threads already wait for room in the queue of " + options.name() + ": " + overflow
                            + " with CallbackOptions.maxWaiting");
        }
        try {
            int outcome = others == 0 ? spin(value) : EventQueue.FULL;
            return outcome == EventQueue.OFFERED
                    ? taken()
                    : outcome == EventQueue.CLOSED ? discardTooLate(value) : park(value);
        } finally {
            waiters.decrementAndGet();
        }
    }

    /** One more who waits, unless there are as many as there may be. How many there were. */
    private int enter() {
        while (true) {
            int others = waiters.get();
            if (others == options.maxWaiting() || waiters.compareAndSet(others, others + 1)) {
                return others;
            }
        }
    }

    /** Only who waits alone: others would take the room from those that sleep, and the processor from the consumer. */
    private int spin(T value) {
        int outcome = EventQueue.FULL;
        for (int i = 0; i < SPINS && outcome == EventQueue.FULL; i++) {
            for (int pause = 0; pause < 25; pause++) {
                Thread.onSpinWait();
            }
            outcome = queue.offer(value, capacity);
        }
        return outcome;
    }

    /** Nor with the turn in hand: a borrower that goes on after the lend holds up the thread that would make room. */
    private boolean mayNotWait() {
        return turn.isLent()
                || scheduler.isCurrent()
                || Schedulers.isInNonBlockingThread(); // which the scheduler's own is
    }

    /** Waits, deaf to interrupts; the flag is set again afterwards. */
    private boolean park(T value) {
        Thread self = Thread.currentThread();
        long start = System.nanoTime();
        long warnAt = scheduler.thread().warnAfterNanos();
        long left = value instanceof Awaited awaited ? awaited.nanosLeft() : Long.MAX_VALUE;
        long limit = Math.min(TimeUnit.NANOSECONDS.convert(overflow.timeout()), left);
        boolean interrupted = false;
        try {
            waiting.add(self);
            while (true) {
                turn.waitsForRoom();
                int outcome = queue.offer(value, capacity);
                if (outcome != EventQueue.FULL) {
                    return outcome == EventQueue.OFFERED ? taken() : discardTooLate(value);
                }
                if (mayNotWait()) {
                    return reserve(value);
                }
                long waited = System.nanoTime() - start;
                if (waited >= limit && limit == left && value instanceof Awaited awaited) {
                    awaited.timedOut();
                    return turnAway(value);
                }
                if (waited >= limit) {
                    return overflow(
                            value,
                            self.getName() + " waited " + TimeUnit.NANOSECONDS.toMillis(waited)
                                    + " ms for room in the queue of " + options.name() + ": " + overflow);
                }
                if (waited >= warnAt) {
                    warnAt = Long.MAX_VALUE;
                    Watch.warn("waits for room in the queue of " + options.name(), self, scheduler.thread(), waited);
                }
                LockSupport.parkNanos(this, Math.min(limit, warnAt) - waited);
                interrupted |= Thread.interrupted();
                if (!waiting.contains(self)) {
                    waiting.add(self); // woken: in line again before the next look
                }
            }
        } finally {
            turn.waitsNoMore();
            if (!waiting.remove(self)) {
                wake(1); // a wake-up meant for somebody who waits still
            }
            if (interrupted) {
                self.interrupt();
            }
        }
    }

    /** For threads that only they themselves, or nobody, could make room for. */
    private boolean reserve(T value) {
        int outcome = queue.offer(value, capacity + overflow.reserve());
        if (outcome == EventQueue.OFFERED) {
            counters.reserved.increment();
            return taken();
        }
        return outcome == EventQueue.CLOSED
                ? discardTooLate(value)
                : overflow(
                        value,
                        "the reserve of " + options.name() + " is full too: " + overflow + ", and the thread "
                                + Thread.currentThread().getName() + " must not wait");
    }

    /** Takes no value any more; who waits for room goes. Any thread. */
    void close() {
        queue.close();
        wake(Integer.MAX_VALUE);
    }

    // ---- the consumer

    /** Returns whether so many values are queued that a batch is to leave the newest. */
    boolean isFarBehind() {
        return keepsDistance && queue.isWritten(DISTANCE);
    }

    /** Returns whether a batch that leaves the newest values has come to them. */
    boolean isNear(long taken) {
        return taken % LINE == 0 && !queue.isWritten(DISTANCE);
    }

    /** Takes the oldest value, which counts as delivered; null if there is none, or if its producer has not written it yet. */
    @Nullable
    T take() {
        T value = queue.poll();
        if (value != null) {
            queue.countDelivered();
        }
        return value;
    }

    /** Takes the oldest value, which is not delivered. */
    @Nullable
    T takeLeftOver() {
        return queue.poll();
    }

    /**
     * Wakes threads that wait for room, at the end of a batch.
     *
     * <p>While batch follows batch, a few are woken for each half of the queue. To wake all for each batch, whose room the
     * first of them takes, made an event of 64 threads 15 times as expensive. Nobody is forgotten: whoever sleeps found the
     * queue full, so a half of it is taken afterwards, or a batch is the last for now; who is woken brings a value at least.
     *
     * @param more whether another batch follows for certain
     */
    void roomMade(boolean more) {
        VarHandle.fullFence(); // the consumer index, before the look at who waits
        if (waiters.get() == 0) {
            return;
        }
        long taken = queue.taken();
        if (!more) {
            wokenAt = taken;
            wake((int) Math.min(Integer.MAX_VALUE, capacity - queue.size()));
        } else if (taken - wokenAt >= capacity >> 1) {
            wokenAt = taken;
            wake((int) Math.min(Integer.MAX_VALUE, Math.max(1, (capacity - queue.size()) >> 8)));
        }
    }

    private void wake(int room) {
        for (int i = 0; i < room; i++) {
            Thread waiter = waiting.poll();
            if (waiter == null) {
                return;
            }
            LockSupport.unpark(waiter);
        }
    }

    // ---- any thread

    boolean isEmpty() {
        return queue.isEmpty();
    }

    long size() {
        return queue.size();
    }

    @Override
    public int waiting() {
        return waiters.get();
    }

    @Override
    public long delivered() {
        return queue.delivered();
    }

    @Override
    public long everQueued() {
        return queue.everClaimed();
    }
}
