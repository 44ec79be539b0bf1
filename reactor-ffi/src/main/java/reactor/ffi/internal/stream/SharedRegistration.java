package reactor.ffi.internal.stream;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Operators;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeSink;
import reactor.ffi.Registration;
import reactor.ffi.internal.loop.Errors;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.upcall.CallCounters;
import reactor.util.context.Context;
import reactor.util.context.ContextView;

/** One registration of a shared stream, from its first subscriber to its last: hands each value to all of them. */
final class SharedRegistration<T> implements RegisteringSink<T> {

    private final Hub<T> hub;
    private final LoopScheduler scheduler;
    private final SourceStats stats;
    private final Teardown teardown;

    /** Changed on the scheduler's thread, read by native threads. */
    private final List<NativeSink<T>> members = new CopyOnWriteArrayList<>();

    /** How it ends, see Terminal. Set once. */
    private final AtomicReference<@Nullable Throwable> terminal = new AtomicReference<>();

    /** Undone. The scheduler's thread writes it. */
    private volatile boolean ended;

    SharedRegistration(Hub<T> hub, CallbackOptions options, LoopScheduler scheduler, long source) {
        this.hub = hub;
        this.scheduler = scheduler;
        this.stats = SourceStats.named(options.name());
        this.teardown = new Teardown(options.name(), scheduler, this, source);
    }

    // ---- the scheduler's thread

    void add(NativeSink<T> member) {
        members.add(member);
    }

    void register(Registration<T> registration) {
        try {
            registration.register(this);
        } catch (Throwable failed) {
            error(failed);
        }
    }

    /** A subscriber has gone; with the last one the registration. */
    void remove(NativeSink<T> member) throws Throwable {
        if (members.remove(member) && members.isEmpty()) {
            Throwable thrown = undo();
            if (thrown != null) {
                throw thrown;
            }
        }
    }

    /** The source has ended: first it is undone, then the subscribers hear of it, each after what it has queued. */
    private void finish() {
        Throwable how = Terminal.failure(terminal.get());
        Throwable thrown = undo();
        Throwable error = how == null ? thrown : how;
        for (NativeSink<T> member : members) {
            tell(member, error);
        }
        if (members.isEmpty()) {
            dropped(error);
        } else if (how != null) {
            dropped(thrown);
        }
    }

    /** For one that has cancelled the error is a dropped one, and a hook may throw what it was given: the others are told. */
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
        if (terminal.get() == null) {
            for (NativeSink<T> member : members) {
                offered = true;
                taken |= member.next(value);
            }
        }
        if (!offered) {
            stats.refused.increment();
            Operators.onDiscard(value, Context.empty());
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
        return end(error);
    }

    private boolean end(Throwable how) {
        if (!terminal.compareAndSet(null, how)) {
            return false;
        }
        scheduler.execute(this::finish);
        return true;
    }

    /** As of a stream that is not shared. */
    @Override
    public void handlerFailed(Throwable thrown) {
        if (!fail(thrown) && terminal.compareAndSet(Terminal.COMPLETED, Terminal.FAILED_SINCE)) {
            dropped(thrown);
        }
    }

    @Override
    public CallCounters counters() {
        return stats.calls;
    }

    @Override
    public void dropped(@Nullable Throwable error) {
        if (error != null) {
            Operators.onErrorDropped(error, Context.empty());
        }
    }

    @Override
    public boolean isCancelled() {
        return ended || terminal.get() != null;
    }

    @Override
    public Teardown teardown() {
        return teardown;
    }

    @Override
    public NativeSink<T> onRequest(LongConsumer consumer) {
        requireNonNull(consumer, "consumer");
        scheduler.execute(() -> {
            if (isCancelled()) {
                return; // unregistered, maybe: what it asks may be gone
            }
            try {
                consumer.accept(Long.MAX_VALUE);
            } catch (Throwable failed) {
                if (!fail(failed)) {
                    Errors.report(failed);
                }
            }
        });
        return this;
    }

    @Override
    public long requested() {
        return members.stream().mapToLong(NativeSink::requested).min().orElse(0);
    }

    @Override
    public ContextView contextView() {
        return members.isEmpty() ? Context.empty() : members.get(0).contextView();
    }

    @Override
    public CallbackScheduler scheduler() {
        return scheduler;
    }
}
