package reactor.ffi.internal.stream;

import org.jspecify.annotations.Nullable;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeSink;
import reactor.ffi.Registration;
import reactor.ffi.internal.loop.LoopScheduler;

/**
 * A shared stream. Its subscribers are ordinary subscriptions, whose registration joins the one {@link
 * SharedRegistration} that is live. Everything here happens on the scheduler's thread, except where a method says
 * otherwise.
 */
final class Hub<T> {

    private final CallbackOptions options;
    private final Registration<? super NativeSink<T>> registration;
    private final LoopScheduler scheduler;
    private final long source;

    /**
     * The live registration. Null while there are no subscribers, or after the last registration has ended. Written by
     * the scheduler's thread.
     */
    private volatile @Nullable SharedRegistration<T> current;

    Hub(CallbackOptions options, Registration<? super NativeSink<T>> registration, long source) {
        this.options = options;
        this.registration = registration;
        this.scheduler = (LoopScheduler) options.scheduler();
        this.source = source;
    }

    /** Registers a subscriber. Called on the subscribing thread. */
    void join(NativeSink<T> member) {
        NativeSubscription<T> subscription = (NativeSubscription<T>) member;
        subscription.beforeUnregister(() -> leave(subscription));
        subscription.alsoRunsOn(this::runsOn);
        scheduler.execute(() -> enter(subscription));
    }

    private void enter(NativeSubscription<T> member) {
        if (member.isCancelled()) {
            return; // its leave has run already, or will find nothing
        }
        SharedRegistration<T> live = current;
        if (live == null) {
            live = new SharedRegistration<>(this, options, scheduler, source, member);
            current = live;
            live.add(member);
            if (!live.register(registration)) {
                return;
            }
        } else {
            live.add(member);
        }
        member.joined();
    }

    private void leave(NativeSubscription<T> member) throws Throwable {
        SharedRegistration<T> live = current;
        if (live != null) {
            live.remove(member);
        }
    }

    /** Returns whether a handler is on a thread's stack. Called by the shutdown hook, on any thread. */
    private boolean runsOn(Thread thread) {
        SharedRegistration<T> live = current;
        return live != null && live.runsOn(thread);
    }

    /** Forgets a registration that has ended, so that the next subscriber makes a new one. */
    void ended(SharedRegistration<T> registration) {
        if (current == registration) {
            current = null;
        }
    }
}
