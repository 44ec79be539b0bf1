package reactor.ffi.samples.nats;

import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;

/**
 * The numbers of a subject as a {@link Flux}: each subscription is one of nats.c's, which calls back on a thread of its own.
 * Also counts what nats.c has given us.
 */
final class Numbers {

    /**
     * {@code void (*)(natsConnection *, natsSubscription *, natsMsg *, void *closure)}: {@code natsMsgHandler}. The one that is
     * called owns the message.
     */
    @FunctionalInterface
    interface OnMsg {
        void message(MemorySegment connection, MemorySegment subscription, MemorySegment msg, MemorySegment closure)
                throws Throwable;
    }

    /**
     * The first three are handles: we pass them back to nats.c, and do not read what they point to. The closure is the user
     * data that nats.c was given with the pointer: it says whose message this is, so that all subscriptions share one pointer.
     */
    private static final CallbackType<OnMsg> ON_MSG =
            CallbackType.of(OnMsg.class).handles(0, 1, 2).userData(3);

    private final NatsConnection connection;
    private final AtomicLong received = new AtomicLong();
    private final AtomicLong freed = new AtomicLong();
    private final AtomicLong droppedByNats = new AtomicLong();
    private final Set<Long> pointers = ConcurrentHashMap.newKeySet();

    Numbers(NatsConnection connection) {
        this.connection = connection;
    }

    /** Completes at the empty message. */
    Flux<Long> flux(CallbackOptions options) {
        return NativeFlux.create(options, sink -> {
            MemorySegment onMsg = onMsg(sink);
            pointers.add(onMsg.address());
            MemorySegment subscription =
                    Nats.subscribe(connection.pointer(), connection.subject(), onMsg, sink.userData());
            sink.onDispose(() -> end(subscription));
            // What waits, waits in nats.c: NATS itself would rather drop than slow down who publishes.
            Nats.unlimitedPending(subscription);
            // The handshake: after onComplete nats.c never calls again, so the fallback, which would free late
            // messages, is
            // let go of at once, and not only after the quarantine. onComplete gets the same closure, and is called on
            // the
            // subscription's thread, when our subscription has long ended.
            Nats.onComplete(subscription, sink.releaseNotify(), sink.userData());
        });
    }

    /** Does not wait for a message that is under way: it comes late, and is freed by the fallback. */
    private void end(MemorySegment subscription) throws Throwable {
        droppedByNats.addAndGet(Nats.dropped(subscription));
        Nats.unsubscribe(subscription);
        connection.flush(); // the reader is past the last message that it had for this subscription
        Nats.destroySubscription(subscription);
    }

    /** The C function that takes messages. */
    MemorySegment onMsg(NativeSink<Long> sink) {
        return sink.callback(
                ON_MSG,
                (connection, subscription, msg, closure) -> {
                    take(msg, sink);
                    // The last act, and not in a finally: if something before it throws, the fallback frees the
                    // message.
                    free(msg);
                },
                (connection, subscription, msg, closure) -> free(msg));
    }

    private void take(MemorySegment msg, NativeSink<Long> sink) throws Throwable {
        int length = Nats.length(msg);
        if (length == 0) {
            sink.complete();
            return;
        }
        if (length != Long.BYTES) {
            throw new IllegalArgumentException("a message has " + length + " bytes; a number has " + Long.BYTES);
        }
        received.incrementAndGet();
        sink.next(Nats.number(msg)); // a copy; may wait here for room
    }

    private void free(MemorySegment msg) throws Throwable {
        Nats.destroyMsg(msg);
        freed.incrementAndGet();
    }

    /** Numbers that came while somebody was subscribed. */
    long received() {
        return received.get();
    }

    /** Messages freed, late and empty ones too. */
    long freed() {
        return freed.get();
    }

    /** Messages that nats.c dropped because too many waited in it. */
    long droppedByNats() {
        return droppedByNats.get();
    }

    /** How many different C function pointers were given to nats.c. */
    int pointers() {
        return pointers.size();
    }
}
