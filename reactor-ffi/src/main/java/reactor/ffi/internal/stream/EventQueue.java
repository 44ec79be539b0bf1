package reactor.ffi.internal.stream;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A first-in first-out queue of many producers and one consumer, whose limit is exact and given with each offer, and which
 * grows as it is used.
 *
 * <h2>Positions</h2>
 * Each value has a position, which is a number that is used once. The producer index is the first position that is not
 * claimed; the consumer index is the first position that is not taken. A producer claims a position by a compare-and-set
 * that moves the producer index on by one, and then writes the value at that position. The consumer takes the value at the
 * consumer index, and moves that index on.
 *
 * <h2>Why the limit is exact</h2>
 * An array that is used in a circle has a power of two as its size, and so rounds its limit. Here the limit is compared with
 * the distance of the two indexes, which only grow. A producer reads the producer index first, and the consumer index after
 * that. If they are {@code limit} or more apart, the queue was full at the moment of the second read, because the producer
 * index cannot have gone back since the first. If they are less apart, the producer claims; the compare-and-set succeeds
 * only if the producer index is still the one that was read, and the consumer index can only have made more room meanwhile.
 * So the queue never holds more than {@code limit} values, and refuses no value while it holds fewer. The race {@code
 * OfferAgainstOffer} looks for both.
 *
 * <p>The consumer writes its index for each value. If producers read that index for each value, the processors of both
 * would pass its cache line to and fro. So producers read a copy, {@code consumerSeen}, and look at the index itself only
 * where the copy says that the queue is full. Any producer writes the copy, without an order: a slow producer may put an
 * older index there, but never one that the consumer has not reached. An old copy costs one more look, and nothing else.
 *
 * <h2>Chunks</h2>
 * Positions lie in chunks of {@link #SIZE}, a linked list. The thread that needs a chunk which is not there appends it. The
 * consumer hands the array of a chunk that it has left to the next thread that appends one.
 *
 * <p>A claim that is not followed by its value would stop the consumer for ever, and an Error may come anywhere: at the end
 * of the heap, or of the stack, which a handler may use up. So a producer finds its chunk, or appends it, before the claim.
 * The chunk cannot be out of date afterwards: a claim that succeeds says that the position was free until then, and the
 * consumer leaves no chunk before it has taken all positions of that chunk. All that is left to do after the claim is one
 * store; and where even a VarHandle's call has no stack, a plain store, which needs none, takes its place.
 *
 * <h2>Eviction</h2>
 * With eviction a producer that finds the queue full takes the oldest value away. That producer never waits for another
 * thread, which a real-time producer may have preempted on its own processor: each position goes from empty to its value
 * to {@link #GONE}, each by a compare-and-set. The thread that sets GONE has the value. If there was no value yet, the
 * producer of the position finds GONE there, and keeps its value. A thread that finds GONE at the consumer index moves that
 * index on. Since a late producer may still look at a position that was evicted, the array of a chunk is not used again.
 * The races {@code DropOldestAgainstPoll} and {@code DropOldestAgainstDropOldest} count the values.
 *
 * <h2>Closing</h2>
 * Closing sets the sign bit of the producer index. A producer that has read the index before fails in its compare-and-set,
 * reads again, and finds the queue closed. So no claim succeeds afterwards, and exactly those values are in the queue that
 * were claimed before: who closes the queue can discard them all, and no value is forgotten. That is the race {@code
 * OfferAgainstClose}.
 */
final class EventQueue<T> extends EventQueueFields.Back {

    static final int OFFERED = 0;
    static final int FULL = 1;
    static final int CLOSED = 2;

    /** The value's position was evicted before the value was written there: the caller still has the value. */
    static final int EVICTED = 3;

    private static final Object GONE = new Object();

    private static final int SHIFT = 8;
    private static final int SIZE = 1 << SHIFT;
    private static final int MASK = SIZE - 1;
    private static final long CLOSED_BIT = Long.MIN_VALUE;

    private static final VarHandle PRODUCER_INDEX = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "producerIndex", VarHandle.class, EventQueueFields.Producer.class, long.class);
    private static final VarHandle PRODUCER_CHUNK = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "producerChunk", VarHandle.class, EventQueueFields.Producer.class, Chunk.class);
    private static final VarHandle CONSUMER_INDEX = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "consumerIndex", VarHandle.class, EventQueueFields.Consumer.class, long.class);
    private static final VarHandle DELIVERED = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "delivered", VarHandle.class, EventQueueFields.Consumer.class, long.class);
    private static final VarHandle CONSUMER_CHUNK = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "consumerChunk", VarHandle.class, EventQueueFields.Consumer.class, Chunk.class);
    private static final VarHandle SPARE = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "spare", VarHandle.class, EventQueueFields.Consumer.class, Object[].class);
    private static final VarHandle NEXT = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "next", VarHandle.class, Chunk.class, Chunk.class);
    private static final VarHandle ITEM = MethodHandles.arrayElementVarHandle(Object[].class);

    static {
        link();
    }

    private final boolean evicting;

    /** Uses each VarHandle once. The first use allocates, and an end for want of memory must not be the first. */
    private static void link() {
        link(new EventQueue<>());
        link(new EventQueue<>(true));
    }

    private static void link(EventQueue<Object> queue) {
        while (queue.offer(queue, 2) == OFFERED) {
            queue.close();
        }
        Object ignored = queue.evicting ? queue.evict(1) : null;
        ignored = queue.poll();
        queue.countDelivered();
    }

    /** An array of {@link #SIZE} positions in a row. */
    static final class Chunk {

        final long number;
        final Object[] items;

        /**
         * The next chunk. Set to this chunk itself once the consumer has left it, so that a stale reference does not
         * keep later chunks alive.
         */
        @Nullable
        Chunk next;

        Chunk(long number, Object[] items) {
            this.number = number;
            this.items = items;
        }
    }

    EventQueue() {
        this(false);
    }

    /**
     * Makes an empty queue.
     *
     * @param evicting whether producers may {@link #evict}
     */
    EventQueue(boolean evicting) {
        super(new Chunk(0, new Object[SIZE]));
        this.evicting = evicting;
    }

    /**
     * Queues a value, if fewer than {@code limit} values are queued. May be called from any thread.
     *
     * @param limit how many values may be queued
     * @return {@link #OFFERED}, {@link #FULL}, {@link #CLOSED} or {@link #EVICTED}
     */
    int offer(T value, long limit) {
        long position;
        Chunk chunk;
        do {
            position = (long) PRODUCER_INDEX.getVolatile(this);
            if (position < 0) {
                return CLOSED;
            }
            // consumerSeen is never ahead of the consumer index, so that the limit holds; racing writers only move it
            // back.
            if (position - consumerSeen >= limit) {
                long consumed = (long) CONSUMER_INDEX.getAcquire(this);
                if (position - consumed >= limit) {
                    return FULL;
                }
                consumerSeen = consumed;
            }
            chunk = chunk(position >>> SHIFT);
        } while (chunk == null || !PRODUCER_INDEX.compareAndSet(this, position, position + 1));
        int index = (int) position & MASK;
        try {
            if (evicting) {
                return ITEM.compareAndSet(chunk.items, index, null, value) ? OFFERED : EVICTED;
            }
            ITEM.setRelease(chunk.items, index, value);
        } catch (Throwable noStack) {
            if (chunk.items[index] == null) {
                chunk.items[index] = value;
            }
        }
        return OFFERED;
    }

    private @Nullable Chunk chunk(long number) {
        Chunk chunk = (Chunk) PRODUCER_CHUNK.getAcquire(this);
        return chunk.number == number ? chunk : find(chunk, number);
    }

    /**
     * Returns the chunk of a position to claim. The consumer cannot leave that chunk before the position is consumed, so
     * the chunk is the consumer's or a later one; a walk that meets a chunk which the consumer has left starts again at
     * the consumer's. Returns null if the consumer is further: then other threads have claimed the position.
     */
    private @Nullable Chunk find(Chunk from, long number) {
        Chunk chunk = from;
        while (chunk.number != number) {
            Chunk next = (Chunk) NEXT.getAcquire(chunk);
            if (chunk.number > number || next == chunk) {
                chunk = (Chunk) CONSUMER_CHUNK.getAcquire(this);
                if (chunk.number > number) {
                    return null;
                }
            } else {
                chunk = next == null ? append(chunk) : next;
            }
        }
        PRODUCER_CHUNK.setRelease(this, chunk); // racing writers may move it back: only slower
        return chunk;
    }

    private Chunk append(Chunk last) {
        Object[] items = (Object[]) SPARE.getAndSet(this, null);
        Chunk next = new Chunk(last.number + 1, items == null ? new Object[SIZE] : items);
        Chunk winner = (Chunk) NEXT.compareAndExchange(last, null, next);
        if (winner == null) {
            return next;
        }
        SPARE.setRelease(this, next.items);
        return winner;
    }

    /**
     * Takes the oldest value. Called by the consumer only.
     *
     * @return the value; null if the queue is empty, or if the producer of the oldest value has claimed the position and
     *     not written the value yet
     */
    @Nullable
    T poll() {
        return evicting ? pollAgainstEviction() : pollAlone();
    }

    @SuppressWarnings("unchecked") // only offer writes items
    private @Nullable T pollAlone() {
        long position = (long) CONSUMER_INDEX.get(this);
        Chunk chunk = (Chunk) CONSUMER_CHUNK.get(this);
        if (chunk.number != position >>> SHIFT) {
            Chunk next = (Chunk) NEXT.getAcquire(chunk);
            if (next == null) {
                return null;
            }
            CONSUMER_CHUNK.setRelease(this, next);
            NEXT.setVolatile(chunk, chunk);
            SPARE.setRelease(this, chunk.items);
            chunk = next;
        }
        int index = (int) position & MASK;
        Object value = ITEM.getAcquire(chunk.items, index);
        if (value != null) {
            chunk.items[index] = null;
            try {
                CONSUMER_INDEX.setRelease(this, position + 1);
            } catch (Throwable noStack) {
                consumerIndex = position + 1;
            }
        }
        return (T) value;
    }

    /** As {@link #pollAlone}, of a queue with eviction. Loops only if a producer has evicted the oldest value meanwhile. */
    @SuppressWarnings({"unchecked", "ReferenceEquality"}) // only offer writes values; GONE is a mark
    private @Nullable T pollAgainstEviction() {
        while (true) {
            long position = (long) CONSUMER_INDEX.getVolatile(this);
            Chunk chunk = oldest(position >>> SHIFT);
            if (chunk != null) {
                int index = (int) position & MASK;
                Object value = ITEM.getAcquire(chunk.items, index);
                if (value == null) {
                    return null;
                }
                if (value == GONE) {
                    moveOn(position);
                } else if (ITEM.compareAndSet(chunk.items, index, value, GONE)) {
                    moveOn(position);
                    return (T) value;
                }
            } else if (position == (long) CONSUMER_INDEX.getVolatile(this)) {
                return null; // the chunk is not there yet
            }
        }
    }

    /**
     * Takes the oldest value out of a full queue, to make room. Called on queues with eviction, by any thread.
     *
     * @param limit how many values make the queue full
     * @return the value; null if the queue is not full, if another thread has made room, or if the value is not written
     *     yet: then the position is free, and the producer keeps its value
     */
    @SuppressWarnings({"unchecked", "ReferenceEquality"}) // only offer writes values; GONE is a mark
    @Nullable
    T evict(long limit) {
        long position = (long)
                CONSUMER_INDEX.getVolatile(this); // read first: the queue stays full while this is the consumer index
        if (everClaimed() - position < limit) {
            return null;
        }
        Chunk chunk = oldest(position >>> SHIFT);
        if (chunk == null) {
            return null;
        }
        Object value = ITEM.getAndSet(chunk.items, (int) position & MASK, GONE);
        moveOn(position);
        return value == GONE ? null : (T) value;
    }

    /** Moves the consumer index past a position that holds {@link #GONE}. */
    private void moveOn(long position) {
        try {
            boolean ignored = CONSUMER_INDEX.compareAndSet(this, position, position + 1);
        } catch (Throwable noStack) {
            // The next thread that looks at the position finds GONE, and moves the index.
        }
    }

    /**
     * Returns the chunk of a position that the consumer index has had. With eviction any thread may leave a chunk.
     * Returns null if the chunk does not exist yet, or has been left.
     */
    private @Nullable Chunk oldest(long number) {
        Chunk chunk = (Chunk) CONSUMER_CHUNK.getAcquire(this);
        while (chunk.number < number) {
            Chunk next = (Chunk) NEXT.getAcquire(chunk);
            if (next == null) {
                return null;
            }
            if (next != chunk && CONSUMER_CHUNK.compareAndSet(this, chunk, next)) {
                NEXT.setVolatile(chunk, chunk);
            }
            chunk = (Chunk) CONSUMER_CHUNK.getAcquire(this);
        }
        return chunk.number == number ? chunk : null;
    }

    /** The consumer, of a queue without eviction: whether the value so many positions behind the oldest is written. */
    boolean isWritten(int distance) {
        long position = consumerIndex + distance;
        Chunk chunk = consumerChunk;
        while (chunk.number != position >>> SHIFT) {
            chunk = (Chunk) NEXT.getAcquire(chunk);
            if (chunk == null) {
                return false;
            }
        }
        return ITEM.getAcquire(chunk.items, (int) position & MASK) != null;
    }

    /** How many values were taken. The consumer, or a figure that is not of this moment. */
    long taken() {
        return (long) CONSUMER_INDEX.getAcquire(this);
    }

    /**
     * Counts a polled value as delivered. Called by the consumer. The count lies beside the consumer index, whose cache
     * line the consumer writes anyway.
     */
    void countDelivered() {
        DELIVERED.setOpaque(this, delivered + 1);
    }

    /** Any thread. */
    long delivered() {
        return (long) DELIVERED.getAcquire(this);
    }

    /** Closes the queue: no later offer succeeds. May be called from any thread. */
    void close() {
        long ignored = (long) PRODUCER_INDEX.getAndBitwiseOr(this, CLOSED_BIT);
    }

    /** Returns how many values are claimed and not yet taken. May be called from any thread. */
    long size() {
        long consumed = (long) CONSUMER_INDEX.getAcquire(this); // read first, so that the difference is never negative
        return ((long) PRODUCER_INDEX.getVolatile(this) & ~CLOSED_BIT) - consumed;
    }

    /** Returns how many values were ever claimed. May be called from any thread. */
    long everClaimed() {
        return (long) PRODUCER_INDEX.getVolatile(this) & ~CLOSED_BIT;
    }

    boolean isEmpty() {
        return size() == 0;
    }
}
