package reactor.ffi.internal.call;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.MonoSink;
import reactor.ffi.CallbackOptions;
import reactor.ffi.Confined;
import reactor.ffi.NativeCall;
import reactor.ffi.internal.life.KeepAlive;
import reactor.ffi.internal.loop.Errors;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.loop.LoopSource;
import reactor.ffi.internal.loop.MpscQueue;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * A value that lives on a scheduler's thread, and the queue of closures that were sent to the value. Released when the
 * last owner has closed its handle and all closures have run.
 */
final class ConfinedValue<T> extends LoopSource {

    private static final Logger LOG = Loggers.getLogger(ConfinedValue.class);

    /** A closure that was sent. Either {@code run} or {@code failed} is called; {@code run} on the scheduler's thread. */
    abstract static class Message<T> extends MpscQueue.Item {

        abstract void run(T value) throws Throwable;

        /** Tells the sender that the closure did not run, or what the closure threw. */
        abstract void failed(Throwable error, CallbackOptions options);
    }

    static final class Sent<T> extends Message<T> {

        private final Confined.Action<? super T> action;

        Sent(Confined.Action<? super T> action) {
            this.action = action;
        }

        @Override
        void run(T value) throws Throwable {
            action.run(value);
        }

        @Override
        void failed(Throwable error, CallbackOptions options) {
            Answers.report(options.onError(), error, false);
        }
    }

    static final class Asked<T, R> extends Message<T> {

        private final Confined.Query<? super T, ? extends R> query;
        private final MonoSink<R> sink;

        /** Whether the query has been called. Accessed by the thread that runs the message, or tells it that it failed. */
        private boolean begun;

        /** Written by the thread that cancels. */
        volatile boolean cancelled;

        Asked(Confined.Query<? super T, ? extends R> query, MonoSink<R> sink) {
            this.query = query;
            this.sink = sink;
        }

        @Override
        void run(T value) throws Throwable {
            if (!cancelled) {
                begun = true;
                sink.success(query.ask(value));
            }
        }

        @Override
        void failed(Throwable error, CallbackOptions options) {
            if (begun || !cancelled) {
                sink.error(error);
            }
        }
    }

    private final CallbackOptions options;
    private final LoopScheduler scheduler;
    private final NativeCall<T> maker;
    private final Confined.Action<? super T> release;
    private final MpscQueue<Message<T>> queue = new MpscQueue<>();
    private final AtomicInteger owners = new AtomicInteger(1);

    /** Held from {@link #begin} until the value is released. Written before the scheduler knows the value. */
    private KeepAlive.@Nullable Token token;

    /**
     * Whether the scheduler or the JVM ends. Then no closure is accepted, and the value is released once the queue is
     * empty.
     */
    private volatile boolean ending;

    /** Whether the value is released, or about to be. Written under the turn; read by senders. */
    private volatile boolean released;

    /** The thread that is inside {@link #drain}, and so possibly inside a closure. Written under the turn. */
    private volatile @Nullable Thread runner;

    /** Whether the maker has been called. Accessed under the turn only. */
    private boolean made;

    /** Whether the value is detached from the scheduler. Accessed under the turn only. */
    private boolean left;

    /** Null before the value is made, and after its release. Accessed under the turn only. */
    private @Nullable T value;

    /** What the maker threw. Accessed under the turn only. */
    private @Nullable Throwable notMade;

    ConfinedValue(CallbackOptions options, NativeCall<T> maker, Confined.Action<? super T> release) {
        super(((LoopScheduler) options.scheduler()).loop().sources());
        this.options = options;
        this.scheduler = (LoopScheduler) options.scheduler();
        this.maker = maker;
        this.release = release;
    }

    // ---- any thread

    /**
     * Takes a token that keeps the JVM up, attaches to the scheduler, and has the value made there. If any of these
     * fails, the others are undone.
     */
    void begin() {
        boolean begun = false;
        try {
            token = options.keepAlive() ? KeepAlive.acquire() : null;
            if (!scheduler.attach(this)) {
                throw new RejectedExecutionException(scheduler + " is disposed, or the JVM is shutting down: " + name()
                        + " cannot be made; use a scheduler that lives");
            }
            begun = true;
        } finally {
            if (!begun) {
                scheduler.detach(this);
                letGo();
            }
        }
        signal(); // makes the value
    }

    String name() {
        return options.name();
    }

    void addOwner() {
        owners.incrementAndGet();
    }

    void removeOwner() {
        if (owners.decrementAndGet() == 0) {
            signal(); // everything that the owners have sent is in the queue by now
        }
    }

    /**
     * Queues a closure. Returns false if the scheduler may not look at the queue any more; the caller then calls {@link
     * #refuseRest} without a lock.
     */
    boolean offer(Message<T> message) {
        if (released || ending || scheduler.isDisposed()) {
            throw gone();
        }
        queue.offer(message);
        signal();
        return !released;
    }

    /**
     * Fails the closures that are left in the queue. Threads that come here at once take the lock in turn, because the
     * queue has one consumer.
     */
    void refuseRest() {
        for (Message<T> message = next(); message != null; message = next()) {
            fail(message, gone());
        }
    }

    private @Nullable Message<T> next() {
        synchronized (queue) {
            return queue.poll();
        }
    }

    private IllegalStateException gone() {
        return new IllegalStateException("the value of " + name()
                + " is released, or its scheduler disposed: make another with Confined.create");
    }

    /** Tells the sender of a closure that failed. What the sender's consumer throws is reported and goes no further. */
    private void fail(Message<T> message, Throwable error) {
        try {
            message.failed(error, options);
        } catch (Throwable broken) {
            Errors.report(broken);
        }
    }

    private void letGo() {
        if (token != null) {
            token.release();
        }
    }

    // ---- under the turn

    @Override
    protected boolean drain(int budget) {
        runner = Thread.currentThread();
        try {
            if (released) {
                return leave();
            }
            if (!made) {
                make();
            }
            int done = 0;
            Message<T> message;
            while (done < budget && !released && (message = queue.poll()) != null) {
                done++;
                run(message);
            }
            if (mayRelease()) {
                releaseValue();
                return true;
            }
            return done > 0;
        } finally {
            runner = null;
        }
    }

    private void make() {
        made = true;
        try {
            value = requireNonNull(maker.call(), "the value is null");
        } catch (Throwable failed) {
            notMade = failed;
            Answers.report(options.onError(), failed, false);
        }
    }

    private void run(Message<T> message) {
        T target = value;
        try {
            if (target == null) {
                throw new IllegalStateException("the value of " + name() + " could not be made", notMade);
            }
            message.run(target);
        } catch (Throwable thrown) {
            fail(message, thrown);
        }
    }

    /** Releases the value, once. What the release action throws is reported, and changes nothing. */
    private void releaseValue() {
        released = true;
        T last = value;
        value = null;
        if (last != null) {
            try {
                release.run(last);
            } catch (Throwable thrown) {
                Answers.report(options.onError(), thrown, false);
            }
        }
        boolean _ = leave();
    }

    /**
     * Refuses what is left, gives the token back and detaches. If a step fails for want of memory, the scheduler calls
     * this again.
     */
    private boolean leave() {
        if (left) {
            return false;
        }
        refuseRest();
        letGo();
        scheduler.detach(this);
        left = true;
        return true;
    }

    @Override
    protected boolean hasWork() {
        return !left && (released || !made || !queue.isEmpty() || mayRelease());
    }

    /** Returns whether no closure can be sent any more and all that were sent have run. */
    private boolean mayRelease() {
        return !released && (ending || owners.get() == 0) && queue.isEmpty();
    }

    /** Ends the value; closures that were sent before run first. */
    @Override
    protected void end(Throwable cause) {
        ending = true;
        signal();
    }

    /**
     * Ends the value at once, when the JVM exits. Does nothing if a closure has lent the turn and goes on to use the
     * value.
     */
    @Override
    protected void exit() {
        ending = true;
        if (runner != null) {
            LOG.warn("{} is not released: the JVM ends, and a closure that uses it waits for native code", this);
            return;
        }
        while (!left) {
            drain(Integer.MAX_VALUE);
        }
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // a thread is the same one or another
    protected boolean runsOn(Thread thread) {
        return runner == thread;
    }

    @Override
    public String toString() {
        return "Confined[" + name() + "]";
    }
}
