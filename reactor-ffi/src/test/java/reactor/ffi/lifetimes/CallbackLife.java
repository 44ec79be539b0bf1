package reactor.ffi.lifetimes;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.IntSupplier;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeCallback;
import reactor.ffi.fixture.Callbacks.OnAsk;

/** An answered callback: thread safe, synchronous or direct. */
final class CallbackLife extends AskedLife {

    private final NativeCallback<OnAsk> callback;
    private final boolean direct;

    /** The model of its count. The driver's. */
    private int refs;

    private boolean closed;

    CallbackLife(World world, int id, Step step, Checks checks) {
        super(world, id, step, checks);
        this.direct = variety % 5 == 0;
        CallbackOptions options =
                options().answerWithin(variety % 2 == 0 ? Duration.ofMillis(1) : Duration.ofSeconds(20));
        if (direct) {
            callback = NativeCallback.direct(options, type(OnAsk.class), this::answer, AskedLife::fallback);
        } else if (variety % 5 == 1) {
            callback = NativeCallback.synchronous(options, type(OnAsk.class), this::answer, AskedLife::fallback);
        } else {
            callback = threadSafe(options);
        }
    }

    /** Makes a thread safe callback, or where the scheduler is disposed, which refuses that, a synchronous one. */
    private NativeCallback<OnAsk> threadSafe(CallbackOptions options) {
        try {
            NativeCallback<OnAsk> made =
                    NativeCallback.threadSafe(options, type(OnAsk.class), this::answer, AskedLife::fallback);
            refs = 1;
            return made;
        } catch (RejectedExecutionException tooLate) {
            checks.holds(this + ": a scheduler that is not disposed refuses a callback", world.disposed);
            return NativeCallback.synchronous(options, type(OnAsk.class), this::answer, AskedLife::fallback);
        }
    }

    private long answer(int thread, long sequence, long at) {
        if (!direct) {
            world.enter(checks);
        }
        checkArgument(checks, at);
        maybeThrow();
        handled.incrementAndGet();
        return sequence + at;
    }

    @Override
    MemorySegment pointer() {
        return callback.pointer();
    }

    @Override
    MemorySegment userData() {
        return callback.userData();
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
            // The end of the scheduler takes the refs with it, at some time after the dispose.
            found.holds(this + ": refs: " + count + ", not " + expected, count == expected || world.disposed);
            refs = expected;
        } catch (IllegalStateException refused) {
            found.holds(this + ": no ref while it is open", closed || direct);
        } catch (RejectedExecutionException tooLate) {
            found.holds(this + ": a scheduler that is not disposed refuses a ref", world.disposed);
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
    void release() {
        callback.release();
    }
}
