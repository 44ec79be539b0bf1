package reactor.ffi.internal.stream;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.Property;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * The subscriptions of one Flux that are cancelled and not yet unregistered. A subscription that begins meanwhile
 * registers after them: {@code take(1).repeat()} resubscribes as soon as it has cancelled, and would have two
 * registrations alive. All methods may be called from any thread; those that the end of a subscription calls allocate
 * nothing.
 *
 * <p>A subscription whose registration has not returned cannot be unregistered. Others wait for such a one no longer
 * than the system property {@code reactor.ffi.registration.limit} says, in milliseconds, by default 10000.
 */
final class Departures {

    private static final Logger LOG = Loggers.getLogger(Departures.class);

    /** In ns. */
    final long limit = TimeUnit.MILLISECONDS.toNanos(
            Property.read("reactor.ffi.registration.limit", 10_000, 1, Integer.MAX_VALUE));

    /** The cancelled subscriptions, oldest first. One that is unregistered is taken out when it comes first. */
    @GuardedBy("this")
    private final ArrayDeque<Admission> leaving = new ArrayDeque<>();

    /** The subscriptions that are to register, in their order. */
    @GuardedBy("this")
    private final ArrayDeque<Admission> waiting = new ArrayDeque<>();

    /** The number of the youngest subscription in {@code leaving}. */
    @GuardedBy("this")
    private long last;

    /** Adds a subscription that was cancelled. */
    synchronized void begin(Admission subscription) {
        if (subscription.departure == 0 && !subscription.isUnregistered()) {
            leaving.add(subscription);
            subscription.departure = ++last;
        }
    }

    /**
     * Returns false if the subscription may register now. Otherwise queues the subscription, and {@link Admission#admit} is
     * called once all that were cancelled before now have unregistered. A subscription that was itself cancelled meanwhile has nothing to wait for.
     */
    synchronized boolean holdBack(Admission subscription) {
        if (subscription.departure != 0 || noneIsLeaving()) {
            return false;
        }
        subscription.registersAfter = last;
        waiting.add(subscription);
        return true;
    }

    /**
     * Called when a subscription has waited for the limit. Logs the earlier subscriptions whose registration does not
     * return, and lets nobody wait for these any longer.
     */
    void giveUp(Admission subscription) {
        Thread[] stuck;
        synchronized (this) {
            if (!waiting.contains(subscription)) {
                return;
            }
            stuck = leaving.stream()
                    .filter(before -> before.departure <= subscription.registersAfter && before.leaveBehind())
                    .map(Admission::registering)
                    .toArray(Thread[]::new);
            end();
        }
        for (Thread thread : stuck) {
            LOG.warn(message(subscription, thread));
        }
    }

    private String message(Admission subscription, @Nullable Thread thread) {
        StringBuilder text = new StringBuilder(subscription + " has waited for " + TimeUnit.NANOSECONDS.toMillis(limit)
                + " ms, and registers now, beside an earlier subscription that is cancelled and whose registration has not"
                + " returned");
        if (thread != null) {
            text.append(", on \"").append(thread.getName()).append('"');
            for (StackTraceElement frame : thread.getStackTrace()) {
                text.append("\n\tat ").append(frame);
            }
        }
        return text.toString();
    }

    /**
     * Called when a subscription has unregistered. Lets those register that have waited for it, or for others that have
     * unregistered.
     */
    synchronized void end() {
        boolean none = noneIsLeaving();
        Admission first = waiting.peek();
        while (first != null && (none || first.registersAfter < leaving.element().departure)) {
            waiting.remove();
            first.admit();
            first = waiting.peek();
        }
    }

    /** Removes the oldest subscriptions that nobody has to wait for; returns whether none is left. */
    @GuardedBy("this")
    private boolean noneIsLeaving() {
        Admission oldest = leaving.peek();
        while (oldest != null && oldest.needsNoWait()) {
            leaving.remove();
            oldest = leaving.peek();
        }
        return oldest == null;
    }
}
