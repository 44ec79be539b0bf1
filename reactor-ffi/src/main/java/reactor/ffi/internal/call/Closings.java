package reactor.ffi.internal.call;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Waits for the handlers of closed callbacks to leave: off every scheduler, because a handler may run for long, and may be the
 * one that closes. One thread for all of them, which ends when none is left. It is a platform thread: while as many virtual
 * threads are inside native calls as there are carriers, no other virtual thread runs.
 */
final class Closings {

    private static final long LONGEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(50);

    /** Top of the stack of those that the thread has not taken yet, linked by {@code nextClosing}. Guarded by the class. */
    private static @Nullable AnsweredCallback<?> added;

    /** There is a thread, and it has not yet decided to end. Guarded by the class. */
    private static boolean running;

    private Closings() {}

    /** Allocates nothing but the thread. Any thread; never throws. */
    static synchronized void add(AnsweredCallback<?> callback) {
        callback.nextClosing = added;
        added = callback;
        start();
    }

    /** Starts the thread if there is need of it. Where none can be had, whoever closes or asks next tries again. Never throws. */
    static synchronized void start() {
        if (running || added == null) {
            return;
        }
        try {
            Thread thread = new Thread(null, Closings::run, "reactor-ffi-close", 0, false);
            thread.setDaemon(true);
            thread.setContextClassLoader(Closings.class.getClassLoader());
            thread.start();
            running = true;
        } catch (Throwable noThread) {
            // said above
        }
    }

    private static void run() {
        AnsweredCallback<?> waiting = null;
        long pause = TimeUnit.MILLISECONDS.toNanos(1);
        while ((waiting = take(waiting)) != null) {
            AnsweredCallback<?> rest = null;
            for (AnsweredCallback<?> callback = waiting; callback != null; ) {
                AnsweredCallback<?> next = callback.nextClosing;
                if (!callback.endIfLeft()) {
                    callback.nextClosing = rest;
                    rest = callback;
                }
                callback = next;
            }
            waiting = rest;
            if (rest != null) {
                LockSupport.parkNanos(pause);
                pause = Math.min(2 * pause, LONGEST_PAUSE);
            }
        }
    }

    /** Those that wait, with those that were added; null if there are none: then the thread ends. */
    private static synchronized @Nullable AnsweredCallback<?> take(@Nullable AnsweredCallback<?> waiting) {
        AnsweredCallback<?> all = waiting;
        for (AnsweredCallback<?> callback = added; callback != null; ) {
            AnsweredCallback<?> next = callback.nextClosing;
            callback.nextClosing = all;
            all = callback;
            callback = next;
        }
        added = null;
        running = all != null;
        return all;
    }
}
