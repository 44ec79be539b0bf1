package reactor.ffi.internal.call;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Cleaner;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeCallback;
import reactor.ffi.internal.life.Collected;
import reactor.ffi.internal.life.Hold;
import reactor.ffi.internal.life.Refs;
import reactor.ffi.internal.loop.Errors;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.upcall.Signature;
import reactor.ffi.internal.upcall.Upcall;
import reactor.ffi.internal.upcall.UserData;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * The {@link NativeCallback} that its owner holds. The slot refers to {@link Answers} only, so that a callback which
 * nobody holds can be collected.
 */
public final class AnsweredCallback<F> implements NativeCallback<F> {

    private static final Logger LOG = Loggers.getLogger(AnsweredCallback.class);

    /** The reason, in an error message, why a callback on a scheduler refuses the limits of a queue. */
    public static final String CALLERS_WAIT =
            "the callers of a NativeCallback wait, for answerWithin, and as many of them as"
                    + " SchedulerOptions.maxCallers says";

    /** In ns. A callback that the same thread makes and closes within this time was made for one native call. */
    private static final long TRANSIENT = TimeUnit.SECONDS.toNanos(1);

    private final Answers answers;
    private final Upcall upcall;

    /** Of this callback alone; null where its type has none. */
    private final @Nullable UserData userData;

    private final String name;
    private final @Nullable LoopScheduler scheduler;
    private final Forgotten forgotten;
    private final Cleaner.Cleanable cleanable;
    private final Sinks.Empty<Void> closed = Sinks.empty();
    private final long madeBy = Thread.currentThread().threadId();
    private final long madeAt = System.nanoTime();

    /** The count, and the lock of this callback: a ref comes before the close, and counts, or after it, and is refused. */
    private final Refs refs;

    /** Whether the callback is closed, and no handler runs any more. */
    @GuardedBy("refs")
    private boolean left;

    /** Whether native code is done with the pointer. */
    @GuardedBy("refs")
    private boolean released;

    /** Whether the callback was closed as one is that was made for one native call. */
    @GuardedBy("refs")
    private boolean isTransient;

    /**
     * The next callback in the list of {@link Closings}. Accessed under the lock of that class until its thread has taken
     * the list; accessed by that thread only afterwards.
     */
    @Nullable
    AnsweredCallback<?> nextClosing;

    private AnsweredCallback(
            Answers answers,
            Upcall upcall,
            @Nullable UserData userData,
            String name,
            @Nullable LoopScheduler scheduler) {
        this.answers = answers;
        this.upcall = upcall;
        this.userData = userData;
        this.name = name;
        this.scheduler = scheduler;
        this.refs = scheduler == null ? new Refs(new Hold()) : scheduler.newRefs();
        this.forgotten = new Forgotten(name, scheduler == null ? null : refs);
        this.cleanable = Collected.tell(this, forgotten);
    }

    /** Makes a callback that wakes its scheduler, and that keeps the JVM alive unless the options say otherwise. */
    public static <F> NativeCallback<F> threadSafe(
            CallbackOptions options, CallbackType<F> type, F handler, @Nullable F fallback) {
        LoopScheduler scheduler =
                (LoopScheduler) requireNonNull(options, "options").scheduler();
        if (scheduler.isDisposed()) {
            throw scheduler.rejected();
        }
        NativeCallback<F> callback = onScheduler(options, type, handler, fallback);
        try {
            if (options.keepAlive()) {
                callback.ref();
            } else {
                ((AnsweredCallback<F>) callback).answers.wakeFromNowOn();
            }
            return callback;
        } catch (Throwable e) { // disposed meanwhile, no memory, or no thread
            callback.release();
            throw e;
        }
    }

    public static <F> NativeCallback<F> onScheduler(
            CallbackOptions options, CallbackType<F> type, F handler, @Nullable F fallback) {
        Signature<F> signature = (Signature<F>) requireNonNull(type, "type");
        LoopScheduler scheduler =
                (LoopScheduler) requireNonNull(options, "options").scheduler();
        Answers answers = new Answers(signature.invoker(), signature.instance(handler, "handler"), scheduler, options);
        MethodHandle handover = Handover.of(signature.invoker().type());
        return made(signature, handover, answers, handler, fallback, answers, options, scheduler);
    }

    public static <F> NativeCallback<F> direct(
            CallbackOptions options, CallbackType<F> type, F handler, @Nullable F fallback) {
        Signature<F> signature = (Signature<F>) requireNonNull(type, "type");
        Answers answers = new Answers(
                signature.invoker(), signature.instance(handler, "handler"), null, requireNonNull(options, "options"));
        return made(signature, signature.invoker(), handler, handler, fallback, answers, options, null);
    }

    /** Binds a slot. Callbacks of one name, one interface and one handler class count as one source of stubs. */
    private static <F> NativeCallback<F> made(
            Signature<F> signature,
            MethodHandle entry,
            Object target,
            F handler,
            @Nullable F fallback,
            Answers answers,
            CallbackOptions options,
            @Nullable LoopScheduler scheduler) {
        UserData userData = signature.hasUserData() ? UserData.take() : null;
        Upcall upcall = null;
        NativeCallback<F> made = null;
        try {
            upcall = userData == null
                    ? signature.open(entry, target, handler, fallback, answers, options.name())
                    : userData.open(signature, entry, target, fallback, answers, answers);
            made = new AnsweredCallback<>(answers, upcall, userData, signature.name(), scheduler);
            return made;
        } finally {
            if (made == null) { // refused, no memory, or no thread: the pointer was not returned to anybody
                if (upcall != null) {
                    upcall.release();
                }
                if (userData != null) {
                    userData.end(false);
                }
            }
        }
    }

    @Override
    public MemorySegment pointer() {
        return upcall.pointer();
    }

    @Override
    public MemorySegment userData() {
        if (userData == null) {
            throw new IllegalStateException(
                    name
                            + " has no user data: make it of a CallbackType that says which parameter that is, with userData(index)");
        }
        return userData.segment();
    }

    @Override
    public int ref() {
        synchronized (refs) {
            LoopScheduler own = checkRefs("ref");
            int count = own.isDisposed() ? 0 : refs.ref();
            if (count == 0) {
                throw own.rejected();
            }
            answers.wakeFromNowOn();
            return count;
        }
    }

    @Override
    public int unref() {
        synchronized (refs) {
            LoopScheduler ignored = checkRefs("unref");
            return refs.unref();
        }
    }

    private LoopScheduler checkRefs(String what) {
        if (scheduler == null) {
            throw new IllegalStateException(what + " of a direct callback, " + name
                    + ": it has no scheduler; use scheduler.ref() where the JVM has to stay");
        }
        if (answers.closed) {
            throw new IllegalStateException(what + " of " + name + " after its close: make a new callback");
        }
        return scheduler;
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
    public void release() {
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
            forgotten.closed();
        }
        cleanable.clean();
        if (upcall.hasLeft()) {
            left();
        } else {
            Closings.add(this);
        }
    }

    /**
     * Ends this callback if none of its handlers runs any more; returns whether it has ended. Called by {@link
     * Closings}. Never throws.
     */
    boolean endIfLeft() {
        try {
            if (!upcall.awaitLeft(TimeUnit.MILLISECONDS.toNanos(1))) {
                return false;
            }
            left();
            return true;
        } catch (Throwable e) { // no memory to look, or a subscriber that throws
            Errors.report(e);
            return hasLeft();
        }
    }

    private boolean hasLeft() {
        synchronized (refs) {
            return left;
        }
    }

    private void left() {
        synchronized (refs) {
            left = true;
            releaseSlot();
            if (userData != null) {
                userData.end(false);
            }
            refs.clear();
        }
        closed.tryEmitEmpty();
    }

    /**
     * Lets the slot be reused. Called once the handlers have left, because in a slot that is bound again their calls
     * could not be told from those of the next handler.
     */
    @GuardedBy("refs")
    private void releaseSlot() {
        if (released) {
            upcall.release();
        } else if (isTransient) {
            upcall.allowEarlyReuse();
        }
    }

    @Override
    public Mono<Void> closed() {
        return closed.asMono().doFirst(Closings::start);
    }

    @Override
    public String toString() {
        return "NativeCallback[" + name + "]";
    }

    /**
     * Logs that a callback was collected without close. The pointer of such a callback goes on working, and its ref is
     * kept.
     */
    private static final class Forgotten implements Runnable {

        private final String name;

        /**
         * The refs of the callback, held here too, so that the ref of a collected callback keeps the JVM alive. Null for
         * a direct callback, which has none.
         */
        private final @Nullable Refs refs;

        private final Throwable made;
        private volatile boolean closed;

        Forgotten(String name, @Nullable Refs refs) {
            this.name = name;
            this.refs = refs;
            this.made = new Throwable("made here");
        }

        void closed() {
            closed = true;
        }

        @Override
        public void run() {
            if (!closed) {
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
