package reactor.ffi.lifetimes;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import reactor.ffi.Confined;
import reactor.ffi.NativeCallback;
import reactor.ffi.fixture.Callbacks.OnAsk;

/**
 * A value on the scheduler's thread that C's threads send closures to, through handles that are made and closed meanwhile.
 * Each closure runs once, in its thread's order, or its sender is told; the last owner releases the value, once.
 */
final class ConfinedLife extends AskedLife {

    /** What the handlers on the scheduler's own thread count as. */
    private static final int HERE = Step.THREADS;

    /** One owner's. Said to be closed before it is. */
    private static final class Handle {

        final Confined<long[]> confined;
        volatile boolean closed;

        Handle(Confined<long[]> confined) {
            this.confined = confined;
        }

        void close() {
            closed = true;
            confined.close();
        }
    }

    private final @Nullable NativeCallback<OnAsk> callback;

    /** Also the closed ones. */
    private final List<Handle> handles = new CopyOnWriteArrayList<>();

    private final CountDownLatch over = new CountDownLatch(1);
    private final AtomicInteger releases = new AtomicInteger();
    private final AtomicBoolean nextThrows = new AtomicBoolean();
    private final long[] numbers = new long[Step.THREADS + 1];
    private final long[] last = new long[Step.THREADS + 1];

    /** Closures that were sent; and what became of them. */
    private final AtomicLong sent = new AtomicLong();

    private final AtomicLong ran = new AtomicLong();
    private final AtomicLong refused = new AtomicLong();
    private final AtomicLong forgone = new AtomicLong();

    private final AtomicLong asked = new AtomicLong();
    private final AtomicLong told = new AtomicLong();

    ConfinedLife(World world, int id, Step step, Checks checks) {
        super(world, id, step, checks);
        Arrays.fill(last, -1);
        NativeCallback<OnAsk> made = null;
        try {
            handles.add(new Handle(Confined.create(options().onError(this::error), () -> new long[1], this::release)));
            made = NativeCallback.direct(options(), type(OnAsk.class), this::answer, AskedLife::fallback);
            for (int more = variety % 4; more > 0; more--) {
                handles.add(new Handle(handles.get(0).confined.share()));
            }
        } catch (RejectedExecutionException tooLate) {
            checks.holds(this + ": a scheduler that is not disposed refuses a value", world.disposed);
        }
        this.callback = made;
    }

    /** Of a closure that was accepted and then not run, or that has thrown. */
    private void error(Throwable error) {
        if (error instanceof IllegalStateException) {
            boolean ended = world.disposed || handles.stream().allMatch(handle -> handle.closed);
            checks.holds(this + ": a closure that is not run before the end", ended);
            forgone.incrementAndGet();
        } else {
            world.error(error);
        }
    }

    private void release(long[] value) {
        world.enter(checks);
        releases.incrementAndGet();
        checks.equal(this + ": closures that have run with the value", value[0], ran.get());
        over.countDown();
        if (variety % 3 == 0) {
            throw new Planned();
        }
    }

    private long answer(int thread, long sequence, long at) {
        checkArgument(checks, at);
        maybeThrow();
        send(world.scheduler.isCurrent() ? HERE : thread, handles.get((int) (sequence % handles.size())));
        handled.incrementAndGet();
        return sequence + at;
    }

    private void send(int from, Handle handle) {
        long number = numbers[from]++;
        sent.incrementAndGet();
        try {
            handle.confined.send(value -> run(from, number, value));
        } catch (IllegalStateException gone) {
            checks.holds(this + ": an open handle refuses a closure", handle.closed || world.disposed);
            refused.incrementAndGet();
        }
    }

    private void run(int from, long number, long[] value) {
        world.enter(checks);
        checks.equal(this + ": released before a closure", releases.get(), 0);
        checks.holds(this + ": a closure out of order", number > last[from]);
        last[from] = number;
        value[0]++;
        ran.incrementAndGet();
        if (nextThrows.compareAndSet(true, false)) {
            throw new Planned();
        }
    }

    @Override
    @Nullable
    MemorySegment pointer() {
        return callback == null ? null : callback.pointer();
    }

    @Override
    @Nullable
    MemorySegment userData() {
        return callback == null ? null : callback.userData();
    }

    @Override
    void throwNext(int amount) {
        if (amount % 2 == 0) {
            super.throwNext(amount);
        } else {
            nextThrows.set(true);
        }
    }

    /** One more owner. */
    @Override
    void ref(Checks found) {
        Handle from = handles.get(handles.size() / 2);
        try {
            handles.add(new Handle(from.confined.share()));
            found.holds(this + ": a closed handle is shared", !from.closed);
        } catch (IllegalStateException refusal) {
            found.holds(this + ": an open handle is not shared", from.closed);
        }
    }

    /** One less; the last one releases. */
    @Override
    void unref(Checks found) {
        handles.stream().filter(handle -> !handle.closed).findFirst().ifPresent(Handle::close);
    }

    /** A question instead of a closure. */
    @Override
    void request(int n) {
        Handle handle = handles.get(n % handles.size());
        asked.incrementAndGet();
        handle.confined
                .call(value -> value[0])
                .subscribe(
                        answer -> checks.holds(this + ": an answer from nowhere", answer <= sent.get()),
                        error -> {
                            checks.holds(
                                    this + ": an open handle refuses a question: " + error,
                                    error instanceof IllegalStateException && (handle.closed || world.disposed));
                            told.incrementAndGet();
                        },
                        told::incrementAndGet);
    }

    @Override
    void end() {
        handles.forEach(Handle::close);
        if (callback != null) {
            callback.close();
        }
    }

    @Override
    boolean awaitOver() {
        try {
            if (callback != null) {
                callback.closed().block(world.limit);
            }
            return handles.isEmpty() || over.await(world.limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (IllegalStateException tooLong) {
            return false;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    void release() {
        if (callback != null) {
            callback.release();
        }
    }

    @Override
    void checkOwn(Checks found, Counted metrics) {
        super.checkOwn(found, metrics);
        world.outcomes.closures.add(ran.get());
        world.outcomes.refusedClosures.add(refused.get() + forgone.get());
        world.outcomes.questions.add(told.get());
        found.equal(this + ": closures", ran.get() + refused.get() + forgone.get(), sent.get());
        found.equal(this + ": questions", told.get(), asked.get());
        found.equal(this + ": releases", releases.get(), handles.isEmpty() ? 0 : 1);
    }
}
