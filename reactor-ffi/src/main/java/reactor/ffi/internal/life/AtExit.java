package reactor.ffi.internal.life;

import reactor.ffi.internal.Property;

/**
 * The library's shutdown hook. First unregisters the sources that still live, then waits for late native threads: a
 * native thread that makes its first upcall while the JVM ends causes a SIGSEGV.
 *
 * <p>The packages that can unregister and wait install these actions here. The system property {@code
 * reactor.ffi.exit.limit}, in milliseconds, limits the unregistering, by default to 2000; 0 switches the whole hook off.
 */
public final class AtExit {

    private static final boolean TOO_LATE;

    /** Written by the thread that installs the action, read by the hook. */
    private static volatile Runnable unregister = () -> {};

    /** Written by the thread that installs the wait, read by the hook and by the thread of {@link KeepAlive}. */
    private static volatile Runnable linger = () -> {};

    static {
        Thread hook = new Thread(null, AtExit::run, "reactor-ffi-exit", 0, false);
        hook.setContextClassLoader(AtExit.class.getClassLoader());
        boolean tooLate = false;
        try {
            Runtime.getRuntime().addShutdownHook(hook);
        } catch (IllegalStateException _) {
            tooLate = true;
        }
        TOO_LATE = tooLate;
    }

    private AtExit() {}

    /**
     * Reads the limit of the unregistering.
     *
     * @return in ms; 0: the hook is switched off
     * @throws IllegalArgumentException if the system property is no such number
     */
    public static int limit() {
        return Property.read("reactor.ffi.exit.limit", 2_000, 0, Integer.MAX_VALUE);
    }

    /**
     * Sets what the hook runs first.
     *
     * @param action unregisters what lives, and returns within {@link #limit()}
     * @return false if the JVM was shutting down before the hook could be added: the action will not be run
     */
    public static boolean unregister(Runnable action) {
        unregister = action;
        return !TOO_LATE;
    }

    /**
     * Sets what waits for late native threads: at the end of the hook, and before the last thread that keeps the JVM up ends.
     *
     * @param wait returns when the JVM may end; limits its own time
     */
    public static void linger(Runnable wait) {
        linger = wait;
    }

    /** Waits for late native threads. Never throws. */
    static void linger() {
        try {
            linger.run();
        } catch (Throwable _) {
            // There is no memory or no stack for the wait: the JVM ends without it.
        }
    }

    private static void run() {
        if (limit() == 0) {
            return;
        }
        try {
            unregister.run();
        } finally {
            linger();
        }
    }
}
