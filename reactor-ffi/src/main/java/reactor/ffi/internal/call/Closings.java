package reactor.ffi.internal.call;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Waits until the handlers of closed callbacks have left. The wait takes place on no scheduler, because a handler may
 * run for long, and may itself be the code that closes. One thread waits for all callbacks, and ends when none is left.
 * The thread is a platform thread: while as many virtual threads are inside native calls as there are carriers, no other
 * virtual thread runs.
 */
final class Closings {

    private static final long LONGEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(50);

    /** Top of the stack of those that the thread has not taken yet, linked by {@code nextClosing}. */
    @GuardedBy("Closings.class")
    private static @Nullable AnsweredCallback<?> added;

    /** Whether a thread exists that has not decided to end. */
    @GuardedBy("Closings.class")
    private static boolean running;

    private Closings() {}

    /** Adds a callback to wait for. Allocates nothing but the thread. May be called from any thread; never throws. */
    static synchronized void add(AnsweredCallback<?> callback) {
        callback.nextClosing = added;
        added = callback;
        start();
    }

    /**
     * Starts the thread if a callback waits and no thread exists. If no thread can be started, the next close or {@code
     * closed()} tries again. Never throws.
     */
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

    /** Returns the callbacks that wait together with those added since; null if there are none, and then the thread ends. */
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
