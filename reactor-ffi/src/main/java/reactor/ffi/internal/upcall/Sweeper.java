package reactor.ffi.internal.upcall;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * The thread that lets go of fallbacks and arenas whose quarantine is over. There is such a thread while anything is in
 * quarantine. A shared timer, such as that of CompletableFuture, would keep the class loader of its first user for the life
 * of the JVM.
 */
final class Sweeper {

    private static final long PAUSE = Math.max(Limits.QUARANTINE, TimeUnit.MILLISECONDS.toNanos(1));

    /** Whether there is a thread, and that thread has not yet decided to end. */
    @GuardedBy("Sweeper.class")
    private static boolean running;

    /** Whether something has come into quarantine since the last sweep began. */
    @GuardedBy("Sweeper.class")
    private static boolean requested;

    private static final List<BooleanSupplier> SWEEPS = new CopyOnWriteArrayList<>();

    private Sweeper() {}

    /** Asks for a sweep. May be called from any thread; never throws. */
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
                running = false; // the next request tries again; until then the slots keep their fallbacks and arenas
            }
        }
    }

    /** Adds a sweep; the sweep returns whether anything is still in quarantine. */
    static void add(BooleanSupplier sweep) {
        SWEEPS.add(sweep);
    }

    /** Returns whether anything is still in quarantine. */
    private static boolean sweep() {
        boolean more = false;
        for (BooleanSupplier each : SWEEPS) {
            more |= each.getAsBoolean();
        }
        return more;
    }

    private static void run() {
        do {
            long end = System.nanoTime() + PAUSE;
            for (long left = PAUSE; left > 0; left = end - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
            begin();
        } while (sweep() || !isDone());
    }

    private static synchronized void begin() {
        requested = false;
    }

    private static synchronized boolean isDone() {
        running = requested;
        return !running;
    }
}
