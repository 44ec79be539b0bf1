package reactor.ffi.internal.stream;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A first-in first-out queue of many producers and one consumer, whose limit is exact and given with each offer, and which
 * grows as it is used.
 *
 * <p>A producer claims a position by a compare-and-set of the producer index, if that is within its limit of the consumer
 * index, and then writes the value there. Positions lie in a linked list of chunks; whoever needs one that is not there
 * appends it. The consumer takes positions in order, and hands the array of a chunk that it has left back to the producers.
 *
 * <p>A claim that is not followed by its value would stop the consumer for ever, and an Error may come anywhere: at the end
 * of the heap, or of the stack, which a handler may use up. So the chunk is found, or appended, before the claim; and where
 * even a VarHandle's call has no stack, a plain store, which needs none, takes its place.
 *
 * <p>With eviction a producer that finds the queue full takes the oldest value away. It never waits for another thread, which a
 * real-time producer may have preempted on its own processor: each position is used once, and goes from empty to its value
 * to {@link #GONE}, each by a compare-and-set. Whoever sets GONE has the value. If there was none yet, its own producer finds
 * GONE there, and keeps it. Whoever finds GONE at the consumer index moves that on. So the array of a chunk cannot be used again.
 *
 * <p>Closing sets the sign bit of the producer index: no claim succeeds afterwards, so exactly those values are in the queue
 * that were claimed before.
 */
final class EventQueue<T> extends EventQueueFields.Back {

    static final int OFFERED = 0;
    static final int FULL = 1;
    static final int CLOSED = 2;

    /** The value had its place, and was evicted before it was written there: the caller still has it. */
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

    /** The first use of a VarHandle allocates: an end for want of memory must not be the first. */
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

    /** SIZE positions in a row. */
    static final class Chunk {

        final long number;
        final Object[] items;

        /** The one after it; itself once the consumer has left it, so that it keeps those after it alive for nobody. */
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
     * An empty queue.
     *
     * @param evicting whether producers may {@link #evict}
     */
    EventQueue(boolean evicting) {
        super(new Chunk(0, new Object[SIZE]));
        this.evicting = evicting;
    }

    /**
     * Any thread.
     *
     * @param limit FULL if as many are queued
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
     * The chunk of a position to claim. It cannot be left by the consumer while the position is not consumed, so it is at or
     * after the consumer's; a walk that meets a chunk which has been left starts there again. Null if the consumer is further:
     * then others have claimed the position.
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
     * The consumer only.
     *
     * @return the oldest; null if there is none, or if its producer has claimed it and not written it yet
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

    /** Goes round again only if a producer has evicted what was the oldest. */
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
     * Any thread, of a queue with eviction: takes the oldest value away if the queue is full.
     *
     * @param limit full if as many are queued
     * @return the value; null if the queue is not full, or another thread has made room, or the value is not written yet: then
     *     the place is free, and its producer keeps the value
     */
    @SuppressWarnings({"unchecked", "ReferenceEquality"}) // only offer writes values; GONE is a mark
    @Nullable
    T evict(long limit) {
        long position =
                (long) CONSUMER_INDEX.getVolatile(this); // first: the queue is full for as long as this is the index
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

    /** What is at the position is GONE. */
    private void moveOn(long position) {
        try {
            boolean ignored = CONSUMER_INDEX.compareAndSet(this, position, position + 1);
        } catch (Throwable noStack) {
            // Whoever looks at the position next finds GONE, and does it.
        }
    }

    /**
     * The chunk of a position that the consumer index has had: with eviction all threads leave chunks. Null if it is not there
     * yet, or has been left.
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

    /** The consumer: what it has polled is delivered. Counted here, beside the index that it writes anyway. */
    void countDelivered() {
        DELIVERED.setOpaque(this, delivered + 1);
    }

    /** Any thread. */
    long delivered() {
        return (long) DELIVERED.getAcquire(this);
    }

    /** Any thread: no offer succeeds any more. */
    void close() {
        long ignored = (long) PRODUCER_INDEX.getAndBitwiseOr(this, CLOSED_BIT);
    }

    /** Any thread: values claimed and not yet taken. */
    long size() {
        long consumed = (long) CONSUMER_INDEX.getAcquire(this); // first: the difference is never negative
        return ((long) PRODUCER_INDEX.getVolatile(this) & ~CLOSED_BIT) - consumed;
    }

    /** Any thread: all values ever claimed. */
    long everClaimed() {
        return (long) PRODUCER_INDEX.getVolatile(this) & ~CLOSED_BIT;
    }

    boolean isEmpty() {
        return size() == 0;
    }
}
