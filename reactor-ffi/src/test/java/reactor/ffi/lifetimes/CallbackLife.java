package reactor.ffi.lifetimes;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntSupplier;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeCallback;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Pool;

/** An answered callback: thread safe, synchronous or direct. Each call is answered by the handler, once, or the fallback. */
final class CallbackLife extends Life {

    private static final CallbackType<OnAsk> TYPE = CallbackType.of(OnAsk.class);

    private final NativeCallback<OnAsk> callback;
    private final boolean direct;
    private final Checks checks;
    private final AtomicLong rightHere = new AtomicLong();
    private final AtomicLong fallbacksHere = new AtomicLong();

    /** The model of its count. The driver's. */
    private int refs;

    private boolean closed;

    CallbackLife(World world, int id, int variety, Checks checks) {
        super(world, id, variety);
        this.checks = checks;
        this.direct = variety % 5 == 0;
        CallbackOptions options =
                options().answerWithin(variety % 2 == 0 ? Duration.ofMillis(1) : Duration.ofSeconds(20));
        OnAsk fallback = (thread, sequence, at) -> Pool.FALLBACK;
        if (direct) {
            callback = NativeCallback.direct(options, TYPE, this::answer, fallback);
        } else if (variety % 5 == 1) {
            callback = NativeCallback.synchronous(options, TYPE, this::answer, fallback);
        } else {
            callback = NativeCallback.threadSafe(options, TYPE, this::answer, fallback);
            refs = 1;
        }
    }

    private long answer(int thread, long sequence, long at) {
        if (!direct) {
            world.enter(checks);
        }
        maybeThrow();
        handled.incrementAndGet();
        return sequence + at;
    }

    @Override
    MemorySegment pointer() {
        return callback.pointer();
    }

    @Override
    void fire(Pool pool, int thread, int n) {
        pool.ask(thread, pointer(), n, id);
    }

    @Override
    void fireHere(int n) {
        OnAsk ask = CFunction.at(pointer(), OnAsk.class);
        for (int i = 0; i < n; i++) {
            callsHere.incrementAndGet();
            long answer = ask.onAsk(Step.THREADS, i, id);
            (answer == Pool.FALLBACK ? fallbacksHere : rightHere).incrementAndGet();
            checks.holds(this + ": a wrong answer, " + answer, answer == Pool.FALLBACK || answer == i + id);
        }
    }

    @Override
    void ref(Checks found) {
        count(found, callback::ref, refs + 1);
    }

    @Override
    void unref(Checks found) {
        count(found, callback::unref, Math.max(0, refs - 1));
    }

    private void count(Checks found, IntSupplier step, int expected) {
        try {
            int count = step.getAsInt();
            found.holds(this + ": a ref after its close, or of a direct callback", !closed && !direct);
            found.equal(this + ": refs", count, expected);
            refs = expected;
        } catch (IllegalStateException refused) {
            found.holds(this + ": no ref while it is open", closed || direct);
        }
    }

    @Override
    void end() {
        closed = true;
        callback.close();
    }

    @Override
    boolean awaitOver() {
        try {
            callback.closed().block(world.limit);
            return callback.refCount() == 0;
        } catch (IllegalStateException tooLong) {
            return false;
        }
    }

    @Override
    void released() {
        callback.released();
    }

    @Override
    void checkOwn(Checks found, Counted metrics) {
        world.outcomes.answers.add(handled.get());
        found.equal(this + ": right answers", world.pool.right(id) + rightHere.get(), handled.get());
        found.equal(
                this + ": fallbacks",
                world.pool.fallbacks(id) + fallbacksHere.get(),
                thrown.get() + metrics.lateCalls() + metrics.refusedCalls());
    }
}
