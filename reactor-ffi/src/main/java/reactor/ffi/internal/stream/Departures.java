package reactor.ffi.internal.stream;

import java.util.ArrayDeque;

/**
 * The subscriptions of one Flux that are cancelled and not yet unregistered. Who subscribes meanwhile registers after them:
 * {@code take(1).repeat()} resubscribes as soon as it has cancelled, and would have two registrations alive. All methods may
 * be called from any thread; what the end of a subscription calls allocates nothing.
 */
final class Departures {

    /** Oldest first. One that is unregistered is taken out when it comes first. Guarded by this, as all below. */
    private final ArrayDeque<NativeSubscription<?>> leaving = new ArrayDeque<>();

    /** Those that are to register, in their order. */
    private final ArrayDeque<NativeSubscription<?>> waiting = new ArrayDeque<>();

    /** The number of the youngest in {@code leaving}. */
    private long last;

    /** It is cancelled. */
    synchronized void begin(NativeSubscription<?> subscription) {
        if (subscription.departure == 0 && !subscription.isUnregistered()) {
            leaving.add(subscription);
            subscription.departure = ++last;
        }
    }

    /** False if it may register now; else it will be told. It does not wait for those that leave later. */
    synchronized boolean await(NativeSubscription<?> subscription) {
        if (noneIsLeaving()) {
            return false;
        }
        subscription.registersAfter = last;
        waiting.add(subscription);
        return true;
    }

    /** One is unregistered: lets go of it, and tells those that have waited for it, or for others that are. */
    synchronized void end() {
        boolean none = noneIsLeaving();
        NativeSubscription<?> first = waiting.peek();
        while (first != null && (none || first.registersAfter < leaving.element().departure)) {
            waiting.remove();
            first.mayRegister();
            first = waiting.peek();
        }
    }

    /** Also takes out what need not be waited for. */
    private boolean noneIsLeaving() {
        NativeSubscription<?> oldest = leaving.peek();
        while (oldest != null && oldest.isUnregistered()) {
            leaving.remove();
            oldest = leaving.peek();
        }
        return oldest == null;
    }
}
