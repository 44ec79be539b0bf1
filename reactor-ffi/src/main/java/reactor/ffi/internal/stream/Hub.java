package reactor.ffi.internal.stream;

import org.jspecify.annotations.Nullable;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeSink;
import reactor.ffi.Registration;
import reactor.ffi.internal.loop.LoopScheduler;

/**
 * A shared stream: its subscribers are ordinary subscriptions, whose registration is to join the one registration that is
 * live. Everything here happens on the scheduler's thread, so nothing is guarded.
 */
final class Hub<T> {

    private final CallbackOptions options;
    private final Registration<? super NativeSink<T>> registration;
    private final LoopScheduler scheduler;
    private final long source;

    /** Null while there are no subscribers, or the one before has ended. The scheduler's thread writes it. */
    private volatile @Nullable SharedRegistration<T> current;

    Hub(CallbackOptions options, Registration<? super NativeSink<T>> registration, long source) {
        this.options = options;
        this.registration = registration;
        this.scheduler = (LoopScheduler) options.scheduler();
        this.source = source;
    }

    /** The registration of a subscriber. On the subscribing thread. */
    void join(NativeSink<T> member) {
        NativeSubscription<T> subscription = (NativeSubscription<T>) member;
        subscription.beforeUnregister(() -> leave(subscription));
        subscription.alsoRunsOn(this::runsOn);
        scheduler.execute(() -> enter(subscription));
    }

    private void enter(NativeSubscription<T> member) {
        if (member.isCancelled()) {
            return; // its leave has been, or finds nothing
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

    /** Any thread: the shutdown hook. */
    private boolean runsOn(Thread thread) {
        SharedRegistration<T> live = current;
        return live != null && live.runsOn(thread);
    }

    /** The next subscriber registers anew. */
    void ended(SharedRegistration<T> registration) {
        if (current == registration) {
            current = null;
        }
    }
}
