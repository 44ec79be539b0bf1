package reactor.ffi.internal.upcall;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Sweeps the stubs while any is in quarantine, on a thread of its own that ends when none is. A timer that is shared, such
 * as CompletableFuture's, would keep the class loader of whoever used it first, for the life of the JVM.
 */
final class Sweeper {

    private static final long PAUSE = Math.max(Limits.QUARANTINE, TimeUnit.MILLISECONDS.toNanos(1));

    /** Guarded by the class, as the other. */
    private static boolean running;

    /** Something became inert, perhaps behind the back of the sweep that goes on. */
    private static boolean requested;

    private Sweeper() {}

    /** Any thread; never throws. */
    static synchronized void request() {
        requested = true;
        if (!running) {
            try {
                Thread thread = Thread.ofPlatform()
                        .daemon()
                        .name("reactor-ffi-quarantine")
                        .inheritInheritableThreadLocals(false)
                        .unstarted(Sweeper::run);
                thread.setContextClassLoader(ClassLoader.getSystemClassLoader());
                thread.start();
                running = true;
            } catch (OutOfMemoryError noThread) {
                running = false; // the next request tries again; until then the slots keep what they name
            }
        }
    }

    private static void run() {
        do {
            long end = System.nanoTime() + PAUSE;
            for (long left = PAUSE; left > 0; left = end - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
            begin();
        } while (Stubs.sweep() || !isDone());
    }

    private static synchronized void begin() {
        requested = false;
    }

    private static synchronized boolean isDone() {
        running = requested;
        return !running;
    }
}
