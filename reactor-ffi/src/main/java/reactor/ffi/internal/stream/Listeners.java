package reactor.ffi.internal.stream;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import reactor.ffi.CallbackOptions;
import reactor.ffi.Overflow;
import reactor.ffi.internal.Trail;
import reactor.ffi.internal.metrics.ListenerCounters;
import reactor.ffi.internal.ring.CallCounts;
import reactor.ffi.internal.ring.Copies;
import reactor.ffi.internal.ring.JavaProducer;
import reactor.ffi.internal.ring.ListenerPointer;
import reactor.ffi.internal.ring.RecordBatch;
import reactor.ffi.internal.ring.Ring;
import reactor.ffi.internal.ring.Rings;
import reactor.ffi.internal.ring.WhenFull;

/**
 * The listeners of one subscription: the ring that their calls are written to, and the handlers that get them.
 *
 * <p>The ring is a queue in front of the subscription's own. A record is taken only while the subscriber wants a value and none
 * is queued, and that is looked at again after each, as a handler may hand over none or five. All methods are called on the
 * scheduler's thread, except where they say otherwise.
 */
final class Listeners<T> {

    /** How many batches in a row may find the next record incomplete, before the loop may sleep meanwhile. */
    private static final int PATIENCE = 32;

    /** How often the loop looks at a record that stays incomplete, once the loop sleeps in between. */
    private static final int LOOKS = 10_000;

    /** The most records of a batch. */
    private static final int MOST = 256;

    private static final int QUICK_LOOKS = 100;
    private static final long QUICK = TimeUnit.MICROSECONDS.toNanos(200);
    private static final long SLOW = TimeUnit.MILLISECONDS.toNanos(1);

    private static final int DEFAULT_BYTES = 64 << 10;
    private static final int LEAST_BY_DEFAULT = 64;
    private static final int MOST_BY_DEFAULT = 8192;
    private static final int SIGNALS_BY_DEFAULT = 1024;

    private static final AtomicInteger LAST_ID = new AtomicInteger();

    private final String name;
    private final Listening owner;
    private final ListenerCounters counts;
    private final CallCounts tally;
    private final Ring ring;
    private final Copies copies;

    /** Whether signal handlers may call all these listeners, or none of them. */
    private final boolean signalSafe;

    private final IntSupplier waiting;

    /** The most records of a batch: their room goes back to the producers together. */
    private final int batch;

    /** The listeners, by the index that their records carry. Replaced under the lock of {@link Teardown}. */
    private volatile Listener[] listeners = {};

    /** Values that handlers handed over after the queue was closed. */
    private final ArrayDeque<T> behind = new ArrayDeque<>();

    /** Whether the ring knows its consumer's thread. */
    private boolean isConsumerKnown;

    /** Whether a handler runs. */
    private boolean handling;

    /** Whether a handler has ended the stream, so that the records behind its own are not handled. */
    private boolean abandoned;

    /** The most records that the ring held when this looked. */
    private long mostQueued;

    /** How many batches in a row found the next record incomplete. */
    private int holes;

    /** How many looks after a sleep found the next record incomplete. */
    private int looks;

    /** Whether a task is queued that looks again. */
    private boolean lookComes;

    /**
     * A pointer, or an upcall, that writes into the ring.
     *
     * @param id what tells the records apart from those of an earlier life of the ring
     * @param target what a handler that is called for each record is called by
     * @param batch what a handler of batches reads
     */
    private record Listener(int id, ListenerHandler handler, Object target, RecordBatch batch) {}

    /**
     * Opens a ring. Called by the thread that registers.
     *
     * @param first the listener whose records say how large all records are
     * @throws IllegalArgumentException if listeners cannot have the overflow policy
     */
    Listeners(Listening owner, ListenerCounters counts, CallbackOptions options, ListenerSignature<?> first) {
        Overflow overflow = overflow(options, first);
        WhenFull whenFull = whenFull(options.name(), overflow, first.signalSafe);
        this.name = options.name();
        this.owner = owner;
        this.counts = counts;
        this.tally = counts::notTaken;
        this.signalSafe = first.signalSafe;
        int capacity = Integer.highestOneBit(2 * overflow.capacity() - 1); // rounded up to a power of two
        this.batch = Math.max(1, Math.min(MOST, capacity >> 2));
        this.ring = Rings.open(capacity, first.shape.recordSize(), whenFull, owner, tally);
        this.copies = new Copies(ring);
        ring.letWait(TimeUnit.NANOSECONDS.convert(overflow.timeout()), options.maxWaiting());
        if (owner.isConsumer()) {
            ring.consumedHere();
        }
        if (signalSafe) {
            ring.populate();
        }
        Ring opened = ring;
        CallCounts counted = tally;
        counts.add(opened, () -> opened.countLate(counted)); // kept after the end: must not lead to the subscription
        this.waiting = opened::waiting;
        counts.began(waiting);
    }

    /** What the options say; if they say nothing, what is of modest size. */
    private static Overflow overflow(CallbackOptions options, ListenerSignature<?> first) {
        Overflow said = options.overflow();
        Overflow unsaid = CallbackOptions.defaults().overflow();
        if (!said.equals(unsaid)) {
            return said;
        }
        return first.signalSafe
                ? Overflow.dropNewest(SIGNALS_BY_DEFAULT)
                : Overflow.block(
                        Math.clamp(DEFAULT_BYTES / first.shape.recordSize(), LEAST_BY_DEFAULT, MOST_BY_DEFAULT),
                        unsaid.timeout());
    }

    private static WhenFull whenFull(String name, Overflow overflow, boolean signalSafe) {
        if (signalSafe && overflow.policy() == Overflow.Policy.BLOCK) {
            throw new IllegalArgumentException("the options of " + name + " say " + overflow
                    + ", but a signal handler must not wait: give CallbackOptions.overflow Overflow.dropNewest(n) or"
                    + " Overflow.error(n)");
        }
        return switch (overflow.policy()) {
            case BLOCK -> WhenFull.WAIT;
            case ERROR -> WhenFull.CLOSE;
            case DROP_NEWEST -> WhenFull.DROP;
            case DROP_OLDEST, UNBOUNDED ->
                throw new IllegalArgumentException(
                        "the options of " + name + " say " + overflow
                                + ", which a listener cannot do, as its calls take no lock: give CallbackOptions.overflow"
                                + " Overflow.block(n, timeout), Overflow.dropNewest(n) or Overflow.error(n), or use sink.callback");
        };
    }

    /** Makes a pointer whose machine code writes into the ring. Called by the thread that registers. */
    ListenerPointer open(ListenerSignature<?> type, ListenerHandler handler) {
        ListenerPointer pointer = ListenerPointer.open(type.shape, ring, add(type, handler), type.results(), tally);
        counts.add(pointer.pointer(), pointer::count);
        if (Trail.isOn()) {
            Trail.log(
                    name,
                    "binds " + type.signature.name() + " to listener 0x"
                            + Long.toHexString(pointer.pointer().address()) + " of " + ring);
        }
        return pointer;
    }

    /** Makes what the handle {@link ListenerSignature#entry} of an upcall writes into the ring by. */
    JavaProducer producer(ListenerSignature<?> type, ListenerHandler handler) {
        return new JavaProducer(ring, add(type, handler), type.results(), tally);
    }

    /** Adds a listener, and returns what its records carry. */
    private long add(ListenerSignature<?> type, ListenerHandler handler) {
        if (type.shape.recordSize() > ring.stride()) {
            throw new IllegalStateException("a call of " + type.signature.name() + " needs " + type.shape.recordSize()
                    + " bytes in the ring, whose records have " + ring.stride()
                    + ": make this listener first on its sink, as the first one says how large the records are");
        }
        if (type.signalSafe != signalSafe) {
            throw new IllegalStateException(
                    "a ring that signal handlers write to is not shared with other listeners: give the"
                            + " listener of " + type.signature.name() + " a NativeFlux of its own, and merge the two");
        }
        Listener[] more = Arrays.copyOf(listeners, listeners.length + 1);
        int id = LAST_ID.incrementAndGet();
        more[more.length - 1] = new Listener(id, handler, type.target(handler, copies), type.batch(ring, copies));
        listeners = more;
        return ((long) id << 32) | (more.length - 1);
    }

    /** Returns the listener whose record this is, or null if the pointer was bound elsewhere when the call began. */
    private @Nullable Listener of(long record) {
        long info = Ring.info(record);
        Listener[] known = listeners;
        int index = (int) info;
        return index < known.length && known[index].id == (int) (info >> 32) ? known[index] : null;
    }

    /** Calls the handlers of at most so many records. Returns whether there were any. */
    boolean handle(int budget) {
        if (!isConsumerKnown) {
            isConsumerKnown = true;
            ring.consumedHere();
        }
        long limit = ring.tail();
        noteQueued(limit - ring.position());
        int most = Math.min(budget, batch);
        int taken = 0;
        try {
            while (taken < most && mayTake()) {
                long record = ring.peek(limit);
                if (record == 0) {
                    break;
                }
                taken += call(record, limit, most - taken);
            }
        } finally {
            copies.end(); // before a producer writes there
            ring.release(taken == most && mayTake() && ring.peek(limit) != 0);
        }
        if (taken > 0) {
            holes = 0;
            looks = 0;
        } else if (mayTake() && isIncomplete(limit)) {
            await();
        }
        if (ring.isOverflowed() && ring.isEmpty()) {
            owner.ringFull();
        }
        return taken > 0;
    }

    private void noteQueued(long calls) {
        if (calls > mostQueued) {
            mostQueued = calls;
            counts.queued(calls);
        }
    }

    private boolean mayTake() {
        return !abandoned && behind.isEmpty() && owner.wantsRecords();
    }

    /** Takes the next record, or a batch that begins with that record, and calls the handler. Returns how many records were taken. */
    private int call(long record, long limit, int most) {
        Listener listener = of(record);
        if (listener == null) {
            ring.take();
            counts.notTaken(0, 1);
            return 1;
        }
        RecordBatch batch = listener.batch;
        int taken = 1;
        handling = true;
        try {
            switch (listener.handler) {
                case ListenerHandler.Each each -> {
                    ring.take();
                    counts.handled.increment();
                    handle(each, listener, record);
                }
                case ListenerHandler.Batches batches -> {
                    batch.begin(limit, most);
                    taken = batch.size();
                    counts.handled.add(taken);
                    counts.cut.add(batch.cut());
                    batches.ofUser().accept(batch);
                }
            }
        } catch (Throwable thrown) {
            owner.listenerFailed(thrown);
        } finally {
            batch.end();
            handling = false;
        }
        return taken;
    }

    private void handle(ListenerHandler.Each each, Listener listener, long record) throws Throwable {
        try {
            each.handle(listener.target, record);
        } finally {
            if (copies.takeCut()) {
                counts.cut.increment();
            }
        }
    }

    /** Returns whether a producer still writes the next record, or has died over the record. */
    private boolean isIncomplete(long limit) {
        return !ring.isEmpty() && ring.peek(limit) == 0;
    }

    private void await() {
        if (looks >= LOOKS) {
            giveUp();
        } else if (++holes >= PATIENCE && !lookComes) {
            lookComes = true;
            owner.executeAfter(looks < QUICK_LOOKS ? QUICK : SLOW, () -> {
                lookComes = false;
                looks++;
                owner.signal();
            });
        }
    }

    /** Handles the records behind one whose producer has died, and ends the stream. */
    private void giveUp() {
        ring.close();
        ring.abandon();
        long limit = ring.tail();
        while (!ring.isEmpty() && !owner.isOver()) {
            long record = ring.peek(limit);
            if (record == 0) {
                ring.take();
            } else {
                int _ = call(record, limit, batch);
            }
        }
        copies.end();
        owner.producerDied();
    }

    /** Has the next producer ring, because the loop looks no more by itself. Returns whether {@link #handle} would do something. */
    boolean hasWork() {
        ring.rearm();
        if (ring.isEmpty()) {
            return ring.isOverflowed();
        }
        return mayTake() && !(lookComes && isIncomplete(ring.tail()));
    }

    /** Returns whether a handler runs that may hand values over. Called by the thread that has the turn. */
    boolean isHandling() {
        return handling && !abandoned;
    }

    /**
     * Closes the ring, because the stream ends. Called by any thread.
     *
     * @param byHandler whether a handler ends the stream; then the records behind its own are not handled
     */
    void close(boolean byHandler) {
        if (byHandler) {
            abandoned = true;
        }
        ring.close();
    }

    /** Keeps a value that a handler hands over after the queue was closed. */
    void keep(T value) {
        behind.add(value);
    }

    @Nullable
    T pollKept() {
        return behind.poll();
    }

    boolean hasKept() {
        return !behind.isEmpty();
    }

    /** Returns whether nothing is left to be handled or delivered. */
    boolean isDone() {
        return (abandoned || ring.isEmpty()) && behind.isEmpty();
    }

    /** Counts the records that were not handled, because the stream has ended. A record that a producer still writes is late. */
    void discard() {
        long limit = ring.tail();
        while (ring.peek(limit) != 0) {
            ring.take();
            counts.leftOver.increment();
        }
        ring.release(false);
    }

    /** Gives the ring back, because no pointer leads to the ring any more. */
    void end() {
        if (Trail.isOn()) {
            Trail.log(name, "retires all listeners of " + ring);
        }
        counts.ended(waiting);
        ring.end();
    }

    /** Returns how many calls wait in the ring. Called by any thread. */
    long pending() {
        return ring.pending();
    }
}
