package reactor.ffi.internal.stream;

import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The subscriptions of one Flux that are cancelled and not yet unregistered. Who subscribes meanwhile registers after them:
 * {@code take(1).repeat()} resubscribes as soon as it has cancelled, and would have two registrations alive. All methods may
 * be called from any thread.
 */
final class Departures {

    /** Which of them, and its number. The first is the oldest. Guarded by this, as all below. */
    private final Map<NativeSubscription<?>, Long> leaving = new LinkedHashMap<>();

    /** Registrations, in their order. */
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();

    private long last;

    /**
     * A registration that waits.
     *
     * @param number that of the last subscription that it waits for; it does not wait for those that leave later
     * @param registration what waits
     */
    private record Waiting(long number, Runnable registration) {}

    /** It is cancelled. */
    synchronized void begin(NativeSubscription<?> subscription) {
        if (!subscription.isUnregistered()) { // else its end has been here, and will not come again
            leaving.putIfAbsent(subscription, ++last);
        }
    }

    /** False if none is leaving; else the registration is one that {@link #next} returns. */
    synchronized boolean await(Runnable registration) {
        if (leaving.isEmpty()) {
            return false;
        }
        waiting.add(new Waiting(last, registration));
        return true;
    }

    /** It is unregistered. */
    synchronized void end(NativeSubscription<?> subscription) {
        leaving.remove(subscription);
    }

    /** A registration that waits for nobody any more. */
    synchronized @Nullable Runnable next() {
        long oldest =
                leaving.isEmpty() ? Long.MAX_VALUE : leaving.values().iterator().next();
        Waiting first = waiting.peek();
        if (first == null || first.number >= oldest) {
            return null;
        }
        waiting.remove();
        return first.registration;
    }
}
