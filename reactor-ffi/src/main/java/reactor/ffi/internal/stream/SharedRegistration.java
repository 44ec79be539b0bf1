package reactor.ffi.internal.stream;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Operators;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeDemand;
import reactor.ffi.NativeSink;
import reactor.ffi.Registration;
import reactor.ffi.internal.InvokeExact;
import reactor.ffi.internal.loop.Errors;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.loop.LoopSource;
import reactor.ffi.internal.metrics.Names;
import reactor.ffi.internal.metrics.SourceCounters;
import reactor.util.context.Context;
import reactor.util.context.ContextView;

/** One registration of a shared stream, from its first subscriber to its last: hands each value to all of them. */
final class SharedRegistration<T> implements RegisteringSink<T> {

    /** An updater, as that of a subscription: the first use of a VarHandle allocates. */
    @SuppressWarnings("rawtypes")
    private static final AtomicReferenceFieldUpdater<SharedRegistration, Throwable> TERMINAL =
            AtomicReferenceFieldUpdater.newUpdater(SharedRegistration.class, Throwable.class, "terminal");

    private final Hub<T> hub;
    private final LoopScheduler scheduler;
    private final SourceCounters counters;
    private final Teardown teardown;

    /** The subscribers. Changed on the scheduler's thread, read by native threads. */
    private final List<NativeSink<T>> members = new CopyOnWriteArrayList<>();

    /**
     * The subscriber that joined or left last. Its discard hook gets the values that come while there is no subscriber.
     * Written by the scheduler's thread.
     */
    private volatile NativeSubscription<T> last;

    /** How the stream ends, see {@link Terminal}. Set once. */
    private volatile @Nullable Throwable terminal;

    private final End end;

    /** Whether the registration was undone. Written by the scheduler's thread. */
    private volatile boolean ended;

    /** Whether the subscribers have been told of the end. Accessed by the scheduler's thread only. */
    private boolean finished;

    /**
     * The error of the actions that undid the registration when the source ended. Accessed by the scheduler's thread
     * only.
     */
    private @Nullable Throwable thrown;

    SharedRegistration(
            Hub<T> hub, CallbackOptions options, LoopScheduler scheduler, long source, NativeSubscription<T> first) {
        this.hub = hub;
        this.scheduler = scheduler;
        this.counters = Names.of(options.name());
        this.teardown = new Teardown(options.name(), scheduler, this, source);
        this.last = first;
        this.end = new End(scheduler);
    }

    // ---- the scheduler's thread

    void add(NativeSubscription<T> member) {
        last = member;
        members.add(member);
    }

    /** Runs the user's registration; returns false if the registration has thrown. */
    boolean register(Registration<? super NativeSink<T>> registration) {
        try {
            registration.register(this);
            return true;
        } catch (Throwable failed) {
            if (!fail(failed)) {
                failedBesides(failed);
            }
            return false;
        }
    }

    /** Adds what the registration threw after it had ended the stream, of which no subscriber has heard yet. */
    private void failedBesides(Throwable failed) {
        Throwable first = Terminal.failure(terminal);
        if (first == null) {
            dropped(failed);
        } else {
            TERMINAL.compareAndSet(this, first, Errors.both(first, InvokeExact.explained(failed)));
        }
    }

    /** Removes a subscriber; the last one ends the registration. */
    void remove(NativeSubscription<T> member) throws Throwable {
        if (!members.remove(member)) {
            return; // the member belonged to an earlier registration
        }
        last = member;
        if (members.isEmpty()) {
            Throwable failed = undo();
            if (failed != null) {
                throw failed;
            }
        }
    }

    /**
     * Ends the stream: first undoes the registration, then tells the subscribers, each of which delivers its queued
     * values before the end. If a step fails for want of memory, the scheduler calls this again.
     */
    private void finish() {
        Throwable how = Terminal.failure(terminal);
        if (!ended) {
            thrown = undo();
        }
        Throwable error = how == null ? thrown : how;
        for (int i = 0; i < members.size(); i++) { // an iterator needs memory
            tell(members.get(i), error);
        }
        finished = true;
        if (members.isEmpty()) {
            dropped(error);
        } else if (how != null) {
            dropped(thrown);
        }
    }

    /**
     * Tells one subscriber of the end. For a subscriber that has cancelled the error is a dropped one, and a hook may
     * throw it: the other subscribers are told all the same.
     */
    private static void tell(NativeSink<?> member, @Nullable Throwable error) {
        try {
            if (error == null) {
                member.complete();
            } else {
                member.error(error);
            }
        } catch (Throwable broken) {
            Errors.report(broken);
        }
    }

    boolean runsOn(Thread thread) {
        return teardown.runsOn(thread);
    }

    private @Nullable Throwable undo() {
        if (ended) {
            return null;
        }
        ended = true;
        hub.ended(this);
        return teardown.run();
    }

    // ---- any thread

    @Override
    public boolean next(T value) {
        requireNonNull(value, "value");
        boolean taken = false;
        boolean offered = false;
        if (terminal == null) {
            for (NativeSink<T> member : members) {
                offered = true;
                taken |= member.next(value);
            }
        }
        if (!offered) {
            last.discard(value, counters.tooLate);
        }
        return taken;
    }

    @Override
    public void complete() {
        end(Terminal.COMPLETED);
    }

    @Override
    public void error(Throwable error) {
        if (!fail(requireNonNull(error, "error"))) {
            dropped(error);
        }
    }

    private boolean fail(Throwable error) {
        return end(InvokeExact.explained(error));
    }

    private boolean end(Throwable how) {
        if (!TERMINAL.compareAndSet(this, null, how)) {
            return false;
        }
        end.signal();
        return true;
    }

    /** As of a stream that is not shared. */
    @Override
    public void handlerFailed(Throwable thrown) {
        if (!fail(thrown) && TERMINAL.compareAndSet(this, Terminal.COMPLETED, Terminal.FAILED_SINCE)) {
            dropped(thrown);
        }
    }

    @Override
    public SourceCounters counters() {
        return counters;
    }

    @Override
    public void dropped(@Nullable Throwable error) {
        if (error != null) {
            Operators.onErrorDropped(error, Context.empty());
        }
    }

    @Override
    public boolean isCancelled() {
        return ended || terminal != null;
    }

    @Override
    public Teardown teardown() {
        return teardown;
    }

    @Override
    public NativeSink<T> onRequest(NativeDemand consumer) {
        requireNonNull(consumer, "consumer");
        scheduler.execute(() -> {
            if (isCancelled()) {
                return; // the registration may be undone: what the consumer asks may be gone
            }
            try {
                consumer.request(Long.MAX_VALUE);
            } catch (Throwable failed) {
                if (!fail(failed)) {
                    Errors.report(failed);
                }
            }
        });
        return this;
    }

    @Override
    public long requestedFromDownstream() {
        return members.stream()
                .mapToLong(NativeSink::requestedFromDownstream)
                .min()
                .orElse(0);
    }

    @Override
    public ContextView contextView() {
        return members.isEmpty() ? Context.empty() : members.get(0).contextView();
    }

    @Override
    public CallbackScheduler scheduler() {
        return scheduler;
    }

    /**
     * Has the end done on the scheduler's thread. A source needs no memory to be signalled, as a task would, and the
     * error may be that there is no memory. This source is not attached: the subscribers are, as long as there is one to
     * tell.
     */
    private final class End extends LoopSource {

        End(LoopScheduler scheduler) {
            super(scheduler.loop().sources());
        }

        @Override
        protected boolean drain(int budget) {
            if (!hasWork()) {
                return false;
            }
            finish();
            return true;
        }

        @Override
        protected boolean hasWork() {
            return terminal != null && !finished;
        }

        @Override
        protected void end(Throwable cause) {
            // the subscribers' business
        }

        @Override
        protected void exit() {
            // likewise
        }

        @Override
        protected boolean runsOn(Thread thread) {
            return false;
        }
    }
}
