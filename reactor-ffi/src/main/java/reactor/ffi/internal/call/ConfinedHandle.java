package reactor.ffi.internal.call;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import reactor.core.publisher.Mono;
import reactor.ffi.CallbackOptions;
import reactor.ffi.Confined;
import reactor.ffi.NativeCall;
import reactor.ffi.internal.life.Collected;
import reactor.util.Logger;
import reactor.util.Loggers;

/** The handle of one owner of a confined value. */
public final class ConfinedHandle<T> implements Confined<T> {

    private static final Logger LOG = Loggers.getLogger(ConfinedHandle.class);

    private final ConfinedValue<T> value;
    private final Owner owner;
    private final Cleaner.Cleanable cleanable;

    private ConfinedHandle(ConfinedValue<T> value) {
        this.value = value;
        this.owner = new Owner(value);
        this.cleanable = Collected.tell(this, owner);
    }

    public static <T> Confined<T> create(CallbackOptions options, NativeCall<T> maker, Action<? super T> release) {
        ConfinedValue<T> value = new ConfinedValue<>(options, maker, release);
        ConfinedHandle<T> handle = new ConfinedHandle<>(
                value); // registered before the value lives: without a handle nothing could release the value
        try {
            value.begin();
        } catch (Throwable e) {
            handle.owner.abandon();
            throw e;
        }
        return handle;
    }

    @Override
    public Confined<T> share() {
        try {
            synchronized (owner) {
                owner.checkOpen();
                value.addOwner();
            }
            try {
                return new ConfinedHandle<>(value);
            } catch (Throwable e) { // no memory
                value.removeOwner();
                throw e;
            }
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    @Override
    public void send(Action<? super T> action) {
        offer(new ConfinedValue.Sent<>(requireNonNull(action, "action")));
    }

    @Override
    public <R> Mono<R> call(Query<? super T, ? extends R> query) {
        requireNonNull(query, "query");
        return Mono.create(sink -> {
            ConfinedValue.Asked<T, R> asked = new ConfinedValue.Asked<>(query, sink);
            sink.onCancel(() -> asked.cancelled = true);
            try {
                offer(asked);
            } catch (IllegalStateException closed) {
                sink.error(closed);
            }
        });
    }

    private void offer(ConfinedValue.Message<T> message) {
        try {
            boolean queued;
            synchronized (
                    owner) { // under the lock, a close comes before or after: the value is released after what was sent
                // has run
                owner.checkOpen();
                queued = value.offer(message);
            }
            if (!queued) {
                value.refuseRest();
            }
        } finally {
            Reference.reachabilityFence(
                    this); // a handle that is in use is not collected, and so not closed by the cleaner
        }
    }

    @Override
    public void close() {
        owner.close();
        cleanable.clean();
    }

    @Override
    public String toString() {
        return "Confined[" + value.name() + (owner.isClosed() ? ", closed]" : "]");
    }

    /** The part of a handle that outlives its collection; also the lock of the handle. */
    private static final class Owner implements Runnable {

        private final ConfinedValue<?> value;
        private final Throwable made = new Throwable("made here");

        @GuardedBy("this")
        private boolean closed;

        Owner(ConfinedValue<?> value) {
            this.value = value;
        }

        synchronized void checkOpen() {
            if (closed) {
                throw new IllegalStateException("this handle of " + value.name()
                        + " is closed; share() it before, and give each owner a handle of its own");
            }
        }

        synchronized boolean isClosed() {
            return closed;
        }

        synchronized boolean close() {
            if (closed) {
                return false;
            }
            closed = true;
            value.removeOwner();
            return true;
        }

        /** Marks the owner as closed without releasing the value, because the value was never begun. */
        synchronized void abandon() {
            closed = true;
        }

        @Override
        public void run() {
            if (close()) {
                LOG.warn("a handle of " + value.name() + " was collected without close(); it counts as closed", made);
            }
        }
    }
}
