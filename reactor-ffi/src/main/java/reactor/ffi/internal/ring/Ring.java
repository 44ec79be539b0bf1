package reactor.ffi.internal.ring;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A ring of records in native memory: many native producers, and one consumer, whose end this is. Memory and positions outlive
 * the owner: the ring is used again, by another, once all that was claimed has been taken.
 *
 * <p>A producer claims a record by adding one to the tail, fills it, and completes it by its sequence number. The consumer takes
 * complete records at the head. It never waits for one: a producer may have been stopped, or killed, in between.
 */
@SuppressWarnings("ReferenceEquality") // a thread is the same one or another
public final class Ring {

    /** A ring is used again only for the same: a producer of an earlier life must do no harm. */
    record Size(int capacity, int stride, WhenFull whenFull) {}

    /** Whom its records are for. */
    private record Owner(RingOwner consumer, CallCounts counts) {}

    /** How long a consumer may be absent while producers wait for room. */
    private static final long ABSENCE = TimeUnit.SECONDS.toNanos(1);

    private static final RingOwner NOBODY = () -> {};

    final Size size;
    private final int number;
    private final long address;
    private final long mask;
    private final int stride;
    private final Room room;

    private volatile @Nullable Owner owner;

    /** Whether the owner has closed the ring, and not a producer that found the ring full. */
    private volatile boolean closed;

    /** The consumer's thread, which must not wait for room; null while that is not known. */
    private volatile @Nullable Thread consumer;

    /** The absence of the consumer that was seen, how many records had been taken by then, and when that was. */
    @GuardedBy("this")
    private long absence;

    @GuardedBy("this")
    private long takenBefore;

    @GuardedBy("this")
    private long absentSince;

    /** How many records were ever taken. Accessed by the consumer only. */
    private long head;

    /** How many taken records the producers know of. Accessed by the consumer only. */
    private long released;

    /** Whether a producer has died over a record. Accessed by the consumer only. */
    private boolean abandoned;

    Ring(int number, long address, Size size) {
        this.number = number;
        this.address = address;
        this.size = size;
        this.mask = size.capacity() - 1L;
        this.stride = size.stride();
        Words.set(address + RingLayout.MASK, mask);
        Words.set(address + RingLayout.STRIDE, stride);
        this.room = new Room(address, size.capacity());
        Words.setInt(address + RingLayout.WHEN_FULL, size.whenFull().number);
        Words.setInt(address + RingLayout.NUMBER, number);
    }

    long address() {
        return address;
    }

    /** The bytes of the control block and all records. */
    long byteSize() {
        return RingLayout.RECORDS + (long) size.capacity() * stride;
    }

    /** The most bytes that a record has. */
    public int stride() {
        return stride;
    }

    void open(long bell, RingOwner consumer, CallCounts counts) {
        owner = new Owner(consumer, counts);
        this.consumer = null;
        Words.setInt(address + RingLayout.CONSUMER, 0);
        Words.set(address + RingLayout.BELL, bell);
        rearm();
        closed = false;
        Words.setVolatile(address + RingLayout.CAPACITY, size.capacity());
    }

    /**
     * Lets producers wait for room, where the ring was made for that. Called before the first of them has the ring.
     *
     * @param limit how long, in nanoseconds
     * @param most how many at once
     */
    public void letWait(long limit, int most) {
        room.limit(limit, most);
    }

    /** Says that the calling thread consumes the ring, and so must not wait for room. */
    public void consumedHere() {
        consumer = Thread.currentThread();
        if (Words.get(address + RingLayout.BELL) != 0) { // there is machine code
            Words.setIntVolatile(address + RingLayout.CONSUMER, SystemCalls.threadId());
        }
    }

    /** Has the system provide all pages now, so that no producer is the first to touch one. */
    public void populate() {
        for (long page = address; page < address + byteSize(); page += SystemMemory.PAGE) {
            int _ = Words.getAndAddInt(page, 0); // a write; a producer of an earlier life may write there, too
        }
    }

    /** Returns how many producers wait for room. Called by any thread. */
    public int waiting() {
        return room.waiters();
    }

    /** Notes that this ring is no longer on the bell's stack, and signals the owner. Called by the bell's thread. */
    void rung() {
        Words.setIntVolatile(address + RingLayout.STATE, RingLayout.ACTIVE);
        signal();
    }

    /** Signals the owner if the ring was marked as rung, and the bell has not heard of it yet. Any thread. */
    void lookAt() {
        boolean isRung = Words.getIntVolatile(address + RingLayout.STATE) == RingLayout.RUNG;
        if (isRung && (pending() != 0 || isOverflowed())) {
            signal();
        }
        if (size.whenFull() == WhenFull.WAIT) {
            lookAtTurn();
        }
    }

    /**
     * Closes the ring, as a producer at its limit does, if producers wait for room and the consumer, for a second by now, cannot make any:
     * perhaps it waits for these producers. Any thread.
     */
    synchronized void lookAtTurn() {
        Owner current = owner;
        long seen = current == null || waiting() == 0 ? 0 : current.consumer.absence();
        long taken = Words.getOpaque(address + RingLayout.HEAD);
        long now = System.nanoTime();
        if (seen == 0 || seen != absence || taken != takenBefore) {
            absence = seen;
            takenBefore = taken;
            absentSince = now;
        } else if (now - absentSince >= ABSENCE) {
            overflow();
        }
    }

    /** Closes the ring because it is full. */
    void overflow() {
        Words.setVolatile(address + RingLayout.CAPACITY, 0);
        room.closed();
        signal();
    }

    /** Waits for room, unless this thread would have to make it. Returns what the claim has returned last; zero: it has failed. */
    long awaitRoom(LongSupplier claim) {
        return Thread.currentThread() == consumer ? 0 : room.await(claim, this::lookAtTurn);
    }

    void signal() {
        Owner current = owner;
        if (current != null) {
            current.consumer.signal();
        }
    }

    // ---- the consumer

    /** Returns how many records were ever claimed. */
    public long tail() {
        return Words.getVolatile(address + RingLayout.TAIL);
    }

    /** Returns whether all records that were claimed have been taken. */
    public boolean isEmpty() {
        return head == tail();
    }

    /** Returns how many records are claimed and their room is not given back. Called by any thread. */
    public long pending() {
        long taken = Words.getOpaque(address + RingLayout.HEAD);
        return tail() - taken;
    }

    /**
     * Returns the address of the next record, or zero if that record is not complete or not below the limit.
     *
     * @param limit a {@link #tail}
     */
    public long peek(long limit) {
        long next = head;
        if (next == limit) {
            return 0;
        }
        long record = record(next);
        return Words.getAcquire(record + RingLayout.SEQUENCE) == next + 1 ? record : 0;
    }

    long record(long position) {
        return address + RingLayout.RECORDS + (position & mask) * stride;
    }

    /** Returns what the record carries of the pointer that was called. */
    public static long info(long record) {
        return Words.get(record + RingLayout.RECORD_INFO);
    }

    /** Returns how many records were ever taken. */
    public long position() {
        return head;
    }

    /**
     * Goes on to the record behind the next one and behind those after it that are complete, and of the same pointer.
     *
     * @param limit a {@link #tail}, beyond the next record, which is complete
     * @param most the most records that are taken, at least 1
     * @return how many there are
     */
    int takeRun(long limit, int most) {
        long from = head;
        long end = Math.min(limit, from + most);
        long info = info(record(from));
        long next = from + 1;
        while (next != end) {
            long record = record(next);
            if (Words.getAcquire(record + RingLayout.SEQUENCE) != next + 1 || info(record) != info) {
                break;
            }
            next++;
        }
        head = next;
        return (int) (next - from);
    }

    /** Goes on to the record behind the next one, which has been read or is given up. */
    public void take() {
        head++;
    }

    /**
     * Gives the room of the taken records back to the producers.
     *
     * @param more whether the consumer goes on with another batch for certain
     */
    public void release(boolean more) {
        if (released != head) {
            released = head;
            Words.setRelease(address + RingLayout.HEAD, released);
            if (size.whenFull() == WhenFull.WAIT) {
                room.made(released, size.capacity() - (tail() - released), more);
            }
        }
    }

    /**
     * Has the next producer ring, because the consumer will look no more by itself. A record that was claimed before shows after
     * this call.
     */
    public void rearm() {
        // While it is RUNG the ring may be on the bell's stack, and must not be pushed again: the bell signals anyway.
        boolean _ = Words.compareAndSetInt(address + RingLayout.STATE, RingLayout.ACTIVE, RingLayout.IDLE);
    }

    /** Returns whether a producer has closed the ring, because the ring was full. */
    public boolean isOverflowed() {
        return Words.getVolatile(address + RingLayout.CAPACITY) == 0
                && !closed; // in this order: close() writes the other one first
    }

    /** Closes the ring: only producers that have looked at the capacity already may still claim a record. Called by any thread. */
    public void close() {
        closed = true;
        Words.setVolatile(address + RingLayout.CAPACITY, 0L);
        if (size.whenFull() == WhenFull.WAIT) {
            room.closed();
        }
    }

    /** Gives the closed ring back: the ring is used again when all records that were claimed have been taken. */
    public void end() {
        owner = owner == null ? null : new Owner(NOBODY, owner.counts);
        consumer = null;
        if (!abandoned) {
            Rings.giveBack(this);
        }
    }

    /** Lets the ring never be used again, because a producer has died over a record. */
    public void abandon() {
        abandoned = true;
    }

    // ---- between two owners

    /**
     * Counts the calls that have come since the end. Called by any thread.
     *
     * @param counts what the ring was opened with
     * @return whether later calls still count there
     */
    public boolean countLate(CallCounts counts) {
        return Rings.countLate(this, counts);
    }

    /** Returns whether the calls that come after the end count there. */
    boolean countsFor(CallCounts counts) {
        return owner != null && owner.counts.equals(counts);
    }

    /** Takes the records that came after the end. Returns whether no producer still writes one, or waits to. */
    boolean isSettled() {
        long limit = tail();
        long from = head;
        while (peek(limit) != 0) {
            take();
        }
        release(false);
        if (owner != null && head != from) {
            owner.counts.notTaken(0, head - from);
        }
        return isEmpty() && waiting() == 0;
    }

    @Override
    public String toString() {
        return "Ring[" + number + ", " + pending() + " of " + size.capacity() + "]";
    }
}
