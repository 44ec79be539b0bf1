package reactor.ffi.internal.call;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Cleaner;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeCallback;
import reactor.ffi.internal.life.Refs;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.upcall.Signature;
import reactor.ffi.internal.upcall.Upcall;
import reactor.util.Logger;
import reactor.util.Loggers;

/** An answered callback as its owner sees it. The slot knows {@link Answers} only. */
public final class AnsweredCallback<F> implements NativeCallback<F> {

    private static final Logger LOG = Loggers.getLogger(AnsweredCallback.class);
    private static final Cleaner CLEANER = Cleaner.create();

    /** A callback that one thread makes and closes within that time was made for one native call. Nanoseconds. */
    private static final long TRANSIENT = TimeUnit.SECONDS.toNanos(1);

    private final Answers answers;
    private final Upcall upcall;
    private final String name;
    private final boolean direct;
    private final Forgotten forgotten;
    private final Cleaner.Cleanable cleanable;
    private final Sinks.Empty<Void> closed = Sinks.empty();
    private final long madeBy = Thread.currentThread().threadId();
    private final long madeAt = System.nanoTime();

    /** Guarded by itself, as is what close does, and what follows. */
    private final Refs refs;

    /** It is closed, and no handler runs any more. */
    private boolean left;

    /** Native code is done with the pointer. */
    private boolean released;

    /** It was closed as a callback is that was made for one native call. */
    private boolean isTransient;

    private AnsweredCallback(Answers answers, Upcall upcall, String name, boolean direct) {
        this.answers = answers;
        this.upcall = upcall;
        this.name = name;
        this.direct = direct;
        this.refs = new Refs();
        this.forgotten = new Forgotten(name, direct ? null : refs);
        this.cleanable = CLEANER.register(this, forgotten);
    }

    public static <F> NativeCallback<F> onScheduler(
            CallbackOptions options, CallbackType<F> type, F handler, @Nullable F fallback) {
        Signature<F> signature = (Signature<F>) requireNonNull(type, "type");
        LoopScheduler scheduler =
                (LoopScheduler) requireNonNull(options, "options").scheduler();
        Answers answers = new Answers(signature.invoker(), signature.instance(handler, "handler"), scheduler, options);
        MethodHandle handover = Handover.of(signature.invoker().type());
        return made(signature, handover, answers, handler, fallback, answers, options, false);
    }

    public static <F> NativeCallback<F> direct(
            CallbackOptions options, CallbackType<F> type, F handler, @Nullable F fallback) {
        Signature<F> signature = (Signature<F>) requireNonNull(type, "type");
        Answers answers = new Answers(
                signature.invoker(), signature.instance(handler, "handler"), null, requireNonNull(options, "options"));
        return made(signature, signature.invoker(), handler, handler, fallback, answers, options, true);
    }

    /** Callbacks of one name, one interface and one handler class are one source. */
    private static <F> NativeCallback<F> made(
            Signature<F> signature,
            MethodHandle entry,
            Object target,
            F handler,
            @Nullable F fallback,
            Answers answers,
            CallbackOptions options,
            boolean direct) {
        Upcall upcall = signature.open(entry, target, handler, fallback, answers, options.name());
        NativeCallback<F> made = null;
        try {
            made = new AnsweredCallback<>(answers, upcall, signature.name(), direct);
            return made;
        } finally {
            if (made == null) { // no memory; nobody has seen the pointer
                upcall.release();
            }
        }
    }

    @Override
    public MemorySegment pointer() {
        return upcall.pointer();
    }

    @Override
    public int ref() {
        synchronized (refs) {
            checkRefs("ref");
            int count = refs.ref();
            answers.wakeFromNowOn();
            return count;
        }
    }

    @Override
    public int unref() {
        synchronized (refs) {
            checkRefs("unref");
            return refs.unref();
        }
    }

    private void checkRefs(String what) {
        if (direct) {
            throw new IllegalStateException(what + " of a direct callback, " + name
                    + ": it has no scheduler; use scheduler.ref() where the JVM has to stay");
        }
        if (answers.closed) {
            throw new IllegalStateException(what + " of " + name + " after its close: make a new callback");
        }
    }

    @Override
    public int refCount() {
        return answers.closed ? 0 : refs.count();
    }

    @Override
    public void close() {
        close(false);
    }

    @Override
    public void released() {
        close(true);
    }

    private void close(boolean release) {
        synchronized (refs) {
            released |= release;
            if (left) {
                releaseSlot();
            }
            if (answers.closed) {
                return;
            }
            isTransient = Thread.currentThread().threadId() == madeBy && System.nanoTime() - madeAt < TRANSIENT;
            upcall.retire();
            answers.close();
            forgotten.over();
        }
        cleanable.clean();
        if (upcall.hasLeft()) {
            left();
        } else {
            waitOnAThread();
        }
    }

    private void waitOnAThread() {
        try {
            startThread();
        } catch (Throwable _) { // no memory; whoever waits hears it too early, and the slot stays in its quarantine
            synchronized (refs) {
                released = false;
                isTransient = false;
            }
            left();
        }
    }

    /** Virtual threads have a pool, whose lock a scheduler's thread that closes may have to wait for. */
    private void startThread() {
        Thread.ofVirtual().name("reactor-ffi-close").start(this::awaitLeft);
    }

    /** Off every scheduler: a handler may run for long, and may be the one that closes. */
    private void awaitLeft() {
        long pause = 1;
        while (!upcall.awaitLeft(TimeUnit.MILLISECONDS.toNanos(1))) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(pause));
            pause = Math.min(2 * pause, 50);
        }
        left();
    }

    private void left() {
        synchronized (refs) {
            left = true;
            releaseSlot();
            refs.clear();
        }
        closed.tryEmitEmpty();
    }

    /** Not before the handlers have left: in a slot that is bound anew nobody could tell them from the next one's. */
    private void releaseSlot() {
        if (released) {
            upcall.release();
        } else if (isTransient) {
            upcall.allowEarlyReuse();
        }
    }

    @Override
    public Mono<Void> closed() {
        return closed.asMono();
    }

    @Override
    public String toString() {
        return "NativeCallback[" + name + "]";
    }

    /** Reports a callback that was collected without close. Its pointer goes on working, and a ref is kept. */
    private static final class Forgotten implements Runnable {

        private final String name;

        /** Held here, too, so that the ref of a forgotten callback is not lost. Null if it is direct, and has none. */
        private final @Nullable Refs refs;

        private final Throwable made;
        private volatile boolean over;

        Forgotten(String name, @Nullable Refs refs) {
            this.name = name;
            this.refs = refs;
            this.made = new Throwable("made here");
        }

        void over() {
            over = true;
        }

        @Override
        public void run() {
            if (!over) {
                LOG.warn(
                        "the callback " + name
                                + " was collected without close(); its pointer goes on working"
                                + (refs == null ? "" : ", and its ref is kept")
                                + ". Close it when native code is done with it",
                        made);
            }
        }
    }
}
