package reactor.ffi.internal.stream;

import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.ffi.internal.loop.LoopScheduler;

/**
 * When one subscription registers: at once, or after the subscriptions of the same Flux that were cancelled before and are
 * still registered. And until when later ones wait for this subscription in their turn.
 */
final class Admission {

    /** A subscription that may have to wait before it registers. */
    interface Candidate {

        /** Called once the subscriptions that this one was held back for have unregistered. By any thread. */
        void letRegister();
    }

    private final Departures departures;
    private final LoopScheduler scheduler;
    private final Candidate subscription;

    /** The number of the subscription among those that were cancelled, from 1. Accessed under the lock of {@link #departures}. */
    long departure;

    /** The {@code departure} after which the subscription registers. Accessed under the lock of {@link #departures}. */
    long registersAfter;

    /**
     * Whether the registration does not return, and no later subscription waits for that any longer. Accessed under the lock
     * of {@link #departures}.
     */
    private boolean leftBehind;

    /** The thread that is inside the registration. */
    private volatile @Nullable Thread registering;

    /** Whether the subscription was held back, and may register now. */
    private volatile boolean admitted;

    /** The timer that ends the wait for an earlier subscription which does not unregister. */
    private volatile @Nullable Disposable giveUp;

    /** Whether nothing is registered any more. */
    private volatile boolean unregistered;

    Admission(Departures departures, LoopScheduler scheduler, Candidate subscription) {
        this.departures = departures;
        this.scheduler = scheduler;
        this.subscription = subscription;
    }

    /** Returns whether the subscription may register at once. Otherwise {@link Candidate#letRegister} is called later. */
    boolean mayRegister() {
        if (!departures.holdBack(this)) {
            return true;
        }
        Disposable task = scheduler.executeAfter(departures.limit, () -> departures.giveUp(this));
        giveUp = task;
        if (admitted) {
            task.dispose();
        }
        return false;
    }

    /** Ends the wait of {@link #mayRegister}. Called by {@link Departures}, under its lock. Allocates nothing. */
    void admit() {
        admitted = true;
        Disposable task = giveUp;
        if (task != null) {
            task.dispose();
        }
        subscription.letRegister();
    }

    /** Says that the calling thread goes into the registration. */
    void registers() {
        registering = Thread.currentThread();
    }

    /** Says that the registration has returned or thrown. */
    void hasRegistered() {
        registering = null;
    }

    @Nullable
    Thread registering() {
        return registering;
    }

    /** Says that the subscription was cancelled: later ones wait until it has unregistered. */
    void leaves() {
        departures.begin(this);
    }

    /** Says that nothing is registered any more, and lets later subscriptions register. Allocates nothing. */
    void hasLeft() {
        unregistered = true;
        departures.end();
    }

    boolean isUnregistered() {
        return unregistered;
    }

    /**
     * Lets no subscription wait for this one any longer, if its registration still goes on; returns whether none does. Called
     * under the lock of {@link #departures}.
     */
    boolean leaveBehind() {
        leftBehind |= registering != null;
        return leftBehind;
    }

    /** Returns whether a later subscription may register at once. Called under the lock of {@link #departures}. */
    boolean needsNoWait() {
        return unregistered || leftBehind;
    }

    @Override
    public String toString() {
        return subscription.toString();
    }
}
