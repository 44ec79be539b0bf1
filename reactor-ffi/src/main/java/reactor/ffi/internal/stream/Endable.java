package reactor.ffi.internal.stream;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;
import reactor.ffi.CallbackOptions;
import reactor.ffi.internal.InvokeExact;
import reactor.ffi.internal.loop.Errors;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.metrics.SourceCounters;

/**
 * The part of a subscription that can be ended: by its subscriber, its source, a handler or its scheduler, on any thread.
 * An end only marks; the drain sees the mark and does the rest. The marks are fields of the subscription and not an object
 * of their own, because the drain reads them for each value.
 */
abstract class Endable<T> extends InboxOwner<T> {

    /**
     * An updater and not a VarHandle: the first use of a VarHandle allocates, and the first use of this field may report
     * an OutOfMemoryError.
     */
    @SuppressWarnings("rawtypes")
    private static final AtomicReferenceFieldUpdater<Endable, Throwable> TERMINAL =
            AtomicReferenceFieldUpdater.newUpdater(Endable.class, Throwable.class, "terminal");

    static {
        // Loads classes that the end needs, when there may be no memory to load them.
        Throwable _ = InvokeExact.explained(Terminal.COMPLETED);
    }

    /** Whether no subscriber listens any more. */
    private volatile boolean cancelled;

    /**
     * If set, the subscription ends at once, as after a cancel, and queued values are discarded. This is the error if
     * {@code terminal} is COMPLETED.
     */
    private volatile @Nullable Throwable aborted;

    /** How the stream ends, see {@link Terminal}. Set once; no value is taken afterwards. */
    private volatile @Nullable Throwable terminal;

    Endable(CallbackOptions options, LoopScheduler scheduler, SourceCounters counters) {
        super(options, scheduler, counters);
    }

    /** Takes no value any more, and has the drain look at the marks. */
    abstract void closeQueue();

    /** Reports an error that no subscriber is left to get. */
    public abstract void dropped(@Nullable Throwable error);

    public final void complete() {
        if (TERMINAL.compareAndSet(this, null, Terminal.COMPLETED)) {
            closeQueue();
        }
    }

    public final void error(Throwable error) {
        requireNonNull(error, "error");
        if (endsAtOnce() || !fail(error)) {
            dropped(error);
        }
    }

    /** Ends the stream with an error; returns whether this was the first end of the stream. */
    @Override
    final boolean fail(Throwable error) {
        if (!TERMINAL.compareAndSet(this, null, InvokeExact.explained(error))) {
            return false;
        }
        closeQueue();
        return true;
    }

    /** Ends the stream with an error, or adds that to the error with which the stream has failed before. */
    final void failBesides(Throwable failed) {
        if (fail(failed)) {
            return;
        }
        Throwable first = Terminal.failure(terminal);
        if (first == null) {
            dropped(failed);
        } else {
            TERMINAL.compareAndSet(this, first, Errors.both(first, InvokeExact.explained(failed)));
        }
    }

    /** Marks that a handler has failed after the stream had completed; returns whether this was the first one. */
    final boolean hasFailedSince() {
        return TERMINAL.compareAndSet(this, Terminal.COMPLETED, Terminal.FAILED_SINCE);
    }

    /** Ends the subscription at once, with an error, if it does not end at once already. */
    @Override
    protected final void end(Throwable cause) {
        if (!endsAtOnce()) {
            fail(cause);
            aborted = cause;
            closeQueue();
        }
    }

    final void markCancelled() {
        cancelled = true;
    }

    /** Returns whether no subscriber listens any more: an error is a dropped one. */
    final boolean hasNoSubscriber() {
        return cancelled;
    }

    /** Returns whether the source, or a failure, has ended the stream: what is queued is still delivered. */
    final boolean isTerminated() {
        return terminal != null;
    }

    /** Returns whether the subscription ends without delivering what is queued. */
    final boolean endsAtOnce() {
        return cancelled || aborted != null;
    }

    public final boolean isCancelled() {
        return endsAtOnce() || terminal != null;
    }

    /** Returns the error that the stream ends with, or null. */
    final @Nullable Throwable failure() {
        Throwable failure = Terminal.failure(terminal);
        return failure == null ? aborted : failure;
    }
}
