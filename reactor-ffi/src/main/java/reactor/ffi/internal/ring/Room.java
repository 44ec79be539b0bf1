package reactor.ffi.internal.ring;

import java.lang.invoke.VarHandle;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * The producers that wait for room in a ring: machine code, asleep in a system call, and upcalls, asleep in Java.
 *
 * <p>None is missed. A producer counts itself as waiting, reads the word {@link RingLayout#ROOM}, looks for room, and sleeps
 * unless the word has changed. Whoever makes room, or closes the ring, does that first, then looks whether any producer waits, adds one to
 * the word, and wakes.
 */
final class Room {

    private static final int SPINS = Runtime.getRuntime().availableProcessors() == 1 ? 0 : 400;

    /** An upcall that waits looks at least so often whether the consumer is absent. */
    private static final long LOOK = TimeUnit.SECONDS.toNanos(1);

    private final long address;
    private final int capacity;
    private final Queue<Thread> asleep = new ConcurrentLinkedQueue<>();

    /** How many records had been taken when producers were woken last. Accessed by the consumer only. */
    private long wokenAt;

    Room(long address, int capacity) {
        this.address = address;
        this.capacity = capacity;
        Words.setInt(address + RingLayout.SPINS, SPINS);
    }

    /**
     * Sets how producers wait.
     *
     * @param limit how long, in nanoseconds
     * @param most how many at once
     */
    void limit(long limit, int most) {
        Words.set(address + RingLayout.LIMIT_SECONDS, TimeUnit.NANOSECONDS.toSeconds(limit));
        Words.set(address + RingLayout.LIMIT_NANOS, limit % TimeUnit.SECONDS.toNanos(1));
        Words.setInt(address + RingLayout.MOST_WAITING, most);
    }

    int waiters() {
        return Words.getIntVolatile(address + RingLayout.WAITERS);
    }

    /**
     * Wakes producers, as there is room. Called by the consumer at the end of a batch.
     *
     * <p>While batch follows batch a few are woken for each half of the ring, because the first of them takes the room of a batch. None is
     * forgotten: a producer that sleeps has found the ring full, so a half of the ring is taken afterwards, or a batch is the last for now.
     *
     * @param taken how many records were ever taken
     * @param room how many records there is room for
     * @param more whether another batch follows for certain
     */
    void made(long taken, long room, boolean more) {
        VarHandle.fullFence(); // the head, before the look at who waits
        if (Words.getInt(address + RingLayout.WAITERS) == 0) {
            return;
        }
        if (!more) {
            wokenAt = taken;
            wake((int) room);
        } else if (taken - wokenAt >= capacity >> 1) {
            wokenAt = taken;
            wake((int) Math.max(1, room >> 8));
        }
    }

    /** Has all producers that wait look at the ring, which was closed before. Called by any thread. */
    void closed() {
        VarHandle.fullFence();
        if (waiters() != 0) {
            wake(Integer.MAX_VALUE);
        }
    }

    private void wake(int most) {
        Words.incrementInt(address + RingLayout.ROOM);
        int left = most;
        for (Thread waiter = asleep.peek(); left > 0 && (waiter = asleep.poll()) != null; left--) {
            LockSupport.unpark(waiter);
        }
        if (left > 0 && Words.get(address + RingLayout.BELL) != 0) { // only with a bell there is machine code
            SystemCalls.wake(address + RingLayout.ROOM, left);
        }
    }

    // ---- upcalls

    /**
     * Waits until a claim succeeds, the ring is closed, or the limit has passed. Deaf to interrupts: the flag is set again afterwards.
     *
     * @param claim returns zero if there is no room
     * @param look called at least once a second
     * @return what the claim has returned last
     */
    long await(LongSupplier claim, Runnable look) {
        long claimed = 0;
        int spins = Words.getInt(address + RingLayout.SPINS);
        for (int i = 0; claimed == 0 && i < spins && waiters() == 0; i++) {
            Thread.onSpinWait();
            claimed = claim.getAsLong();
        }
        if (claimed == 0) {
            int others = Words.getAndAddInt(address + RingLayout.WAITERS, 1);
            try {
                claimed = others >= Words.getInt(address + RingLayout.MOST_WAITING) ? 0 : sleep(claim, look);
            } finally {
                int _ = Words.getAndAddInt(address + RingLayout.WAITERS, -1);
            }
        }
        return claimed;
    }

    private long sleep(LongSupplier claim, Runnable look) {
        Thread self = Thread.currentThread();
        long start = System.nanoTime();
        long limit = TimeUnit.SECONDS.toNanos(Words.get(address + RingLayout.LIMIT_SECONDS))
                + Words.get(address + RingLayout.LIMIT_NANOS);
        boolean interrupted = false;
        try {
            asleep.add(self);
            while (true) {
                long claimed = claim.getAsLong();
                long left = limit - (System.nanoTime() - start);
                if (claimed != 0 || left <= 0 || isClosed()) {
                    return claimed;
                }
                LockSupport.parkNanos(this, Math.min(left, LOOK));
                interrupted |= Thread.interrupted();
                look.run();
                if (!asleep.contains(self)) {
                    asleep.add(self); // woken: in line again before the next look
                }
            }
        } finally {
            if (!asleep.remove(self)) {
                wake(1); // a wake-up that was meant for a producer that waits still
            }
            if (interrupted) {
                self.interrupt();
            }
        }
    }

    private boolean isClosed() {
        return Words.getVolatile(address + RingLayout.CAPACITY) == 0;
    }
}
