package reactor.ffi.lifetimes;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.Exceptions;
import reactor.core.publisher.Flux;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Pool;

/** One subscription, to a stream of its own or a shared one. Each value has one end, in its thread's order, one at a time, on the scheduler's thread. */
final class StreamLife extends Life implements CoreSubscriber<StreamLife.Value> {

    private static final Overflow[] OVERFLOWS = {
        Overflow.block(2, Duration.ofSeconds(20)),
        Overflow.block(64, Duration.ofSeconds(20)),
        Overflow.block(1, Duration.ofMillis(1)),
        Overflow.error(3),
        Overflow.dropNewest(2),
        Overflow.dropOldest(2),
        Overflow.dropOldest(1),
        Overflow.unbounded()
    };

    /** What the handlers on the scheduler's own thread count as. */
    private static final int HERE = Step.THREADS;

    /** One event, and what became of it. */
    static final class Value {

        final int thread;
        final long number;
        final AtomicInteger delivered = new AtomicInteger();
        final AtomicInteger discarded = new AtomicInteger();

        /** What next has said. */
        volatile boolean taken;

        Value(int thread, long number) {
            this.thread = thread;
            this.number = number;
        }
    }

    private final Overflow overflow;
    private final Checks checks;
    private final boolean shared;
    private final Queue<Value> values = new ConcurrentLinkedQueue<>();
    private final long[] numbers = new long[Step.THREADS + 1];
    private final long[] last = new long[Step.THREADS + 1];
    private final AtomicInteger registered = new AtomicInteger();
    private final AtomicInteger unregistered = new AtomicInteger();
    private final CountDownLatch over = new CountDownLatch(1);

    /** Terminal signals. */
    private final AtomicInteger terminals = new AtomicInteger();

    private volatile boolean completes;
    private volatile boolean fails;
    private volatile boolean cancelled;
    private volatile boolean completed;
    private volatile boolean subscriberThrows;
    private volatile boolean disposeThrows;
    private volatile boolean delivering;
    private volatile @Nullable Throwable error;
    private volatile @Nullable NativeSink<Value> sink;
    private volatile @Nullable Subscription subscription;
    private volatile @Nullable MemorySegment userData;
    private volatile @Nullable MemorySegment pointer;

    StreamLife(World world, int id, Step step, Checks checks) {
        super(world, id, step);
        this.overflow = OVERFLOWS[variety % OVERFLOWS.length];
        this.checks = checks;
        this.shared = variety % 5 == 0;
        Arrays.fill(last, -1);
        CallbackOptions own = options().overflow(overflow);
        Flux<Value> flux = shared ? NativeFlux.share(own, this::register) : NativeFlux.create(own, this::register);
        flux.doOnDiscard(Value.class, value -> value.discarded.incrementAndGet())
                .subscribe(this);
    }

    private void register(NativeSink<Value> made) {
        sink = made;
        made.onDispose(() -> {
            unregistered.incrementAndGet();
            over.countDown();
            if (disposeThrows) {
                throw new Planned();
            }
        });
        userData = made.userData();
        pointer = made.callback(type(OnEvent.class), (thread, sequence, at) -> {
            checkArgument(checks, at);
            maybeThrow();
            int from = world.scheduler.isCurrent() ? HERE : thread;
            Value value = new Value(from, numbers[from]++);
            values.add(value);
            value.taken = made.next(value);
            handled.incrementAndGet();
        });
        registered.incrementAndGet();
    }

    // ---- the subscriber

    @Override
    public void onSubscribe(Subscription given) {
        subscription = given;
        if (variety % 3 != 0) {
            given.request(variety % 3 == 1 ? Long.MAX_VALUE : 3);
        }
    }

    @Override
    public void onNext(Value value) {
        checks.holds(this + ": two values at once", !delivering);
        delivering = true;
        checks.holds(this + ": a value away from the scheduler", world.scheduler.isCurrent());
        checks.holds(this + ": a value after the end", terminals.get() == 0);
        checks.holds(this + ": a value out of order", value.number > last[value.thread]);
        last[value.thread] = value.number;
        value.delivered.incrementAndGet();
        delivering = false;
        if (subscriberThrows) {
            subscriberThrows = false;
            cancelled = true;
            throw new Planned();
        }
    }

    @Override
    public void onError(Throwable thrown) {
        error = thrown;
        terminal();
    }

    @Override
    public void onComplete() {
        completed = true;
        terminal();
    }

    private void terminal() {
        world.outcomes.terminals.increment();
        checks.equal(this + ": terminal signals", terminals.incrementAndGet(), 1);
        checks.equal(this + ": unregistered before the terminal signal", unregistered.get(), registered.get());
        over.countDown();
    }

    // ---- the steps

    @Override
    @Nullable
    MemorySegment pointer() {
        return pointer;
    }

    @Override
    @Nullable
    MemorySegment userData() {
        return userData;
    }

    @Override
    void fire(Pool pool, int thread, int n) {
        pool.fire(thread, pointer, n, id, argument());
    }

    @Override
    void fireHere(int n) {
        OnEvent event = CFunction.at(pointer, OnEvent.class);
        for (int i = 0; i < n; i++) {
            callsHere.incrementAndGet();
            event.onEvent(HERE, i, argument());
        }
    }

    @Override
    void request(int n) {
        subscription.request(n);
    }

    @Override
    void complete() {
        if (sink != null) {
            completes = true;
            sink.complete();
        }
    }

    @Override
    void fail() {
        if (sink != null) {
            fails = true;
            sink.error(new Planned());
        }
    }

    @Override
    void throwNext(int amount) {
        if (amount % 3 == 0) {
            super.throwNext(amount);
        } else if (amount % 3 == 1) {
            subscriberThrows = true;
        } else {
            disposeThrows = true;
        }
    }

    @Override
    void end() {
        cancelled = true;
        subscription.cancel();
    }

    @Override
    boolean awaitOver() {
        if (shared) {
            world.awaitScheduler(); // where it is registered, unless it is cancelled before
        }
        try {
            return (cancelled && registered.get() == 0) || over.await(world.limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    void release() {
        if (sink != null && pointer != null) {
            sink.release(pointer);
        }
    }

    // ---- the model

    /** It has no fallback: its index may have its next life at once. */
    @Override
    boolean mayBeUnknown() {
        return routed;
    }

    @Override
    void checkOwn(Checks found, Counted metrics) {
        long delivered = 0;
        long discarded = 0;
        for (Value value : values) {
            delivered += value.delivered.get();
            discarded += value.discarded.get();
            found.equal(this + ": ends of a value", value.delivered.get() + value.discarded.get(), 1);
            found.holds(this + ": a value that was refused is delivered", value.taken || value.delivered.get() == 0);
            found.holds(
                    this + ": a value that was taken in is not delivered before the end",
                    !endsAfterAll() || !value.taken || value.delivered.get() == 1);
        }
        found.equal(this + ": values", values.size(), metrics.delivered() + metrics.discarded());
        found.equal(this + ": delivered", metrics.delivered(), delivered);
        found.equal(this + ": discarded", metrics.discarded(), discarded);
        found.equal(this + ": refused calls", metrics.refusedCalls(), 0);
        found.equal(this + ": unregistered", unregistered.get(), registered.get());
        found.holds(this + ": an end that nobody asked for: " + error, isExpected(error));
        found.holds(this + ": completed by nobody", !completed || completes);
        found.holds(this + ": no end", cancelled || terminals.get() == 1);
    }

    /** Completed, or failed by its source: after all that was taken in. */
    private boolean endsAfterAll() {
        return overflow.policy() != Overflow.Policy.DROP_OLDEST
                && terminals.get() > 0
                && !(error instanceof RejectedExecutionException)
                && !world.disposed;
    }

    private boolean isExpected(@Nullable Throwable how) {
        if (how == null) {
            return true;
        }
        if (how instanceof Planned) {
            return fails || thrown.get() > 0 || disposeThrows;
        }
        if (Exceptions.isOverflow(how)) {
            return overflow.policy() == Overflow.Policy.ERROR || overflow.policy() == Overflow.Policy.BLOCK;
        }
        return how instanceof RejectedExecutionException && world.disposed;
    }
}
