package reactor.ffi.internal.life;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * Keeps the JVM up while a token is out, by a sleeping thread that is not a daemon. Nothing else does: native threads
 * are attached as daemons, and the schedulers' threads are daemons.
 *
 * <p>All methods may be called from any thread.
 */
public final class KeepAlive {

    /** How long the thread outlives the last token, so that a source that comes and goes does not start one each time. */
    private static final long GRACE_MILLIS = 50;

    private static final Object LOCK = new Object();

    /** How many tokens are out. */
    @GuardedBy("LOCK")
    private static long count;

    /** Whether there is a thread that has not yet decided to end. */
    @GuardedBy("LOCK")
    private static boolean running;

    /** Whether the thread waits for {@code count} to fall to zero, and has to be notified. In its grace it looks by itself. */
    @GuardedBy("LOCK")
    private static boolean holding;

    private KeepAlive() {}

    /** Keeps the JVM up until it is released. */
    public static final class Token {

        /** An updater, not a VarHandle: the first use of one allocates, and the first end may be that of the heap. */
        private static final AtomicIntegerFieldUpdater<Token> RELEASED =
                AtomicIntegerFieldUpdater.newUpdater(Token.class, "released");

        /** 1 once the token was released. */
        @SuppressWarnings("unused") // RELEASED
        private volatile int released;

        private Token() {}

        /** Releases the token; does nothing the second time. */
        public void release() {
            if (RELEASED.compareAndSet(this, 0, 1)) {
                synchronized (LOCK) {
                    if (--count == 0 && holding) {
                        LOCK.notifyAll();
                    }
                }
            }
        }
    }

    /**
     * Keeps the JVM up from now on.
     *
     * @return the token, whose release ends that
     */
    public static Token acquire() {
        Token token = new Token(); // before the count moves: there may be no memory for it
        synchronized (LOCK) {
            if (!running) {
                start();
                running = true;
            }
            count++;
        }
        return token;
    }

    /** Returns how many tokens are out. */
    static long tokens() {
        synchronized (LOCK) {
            return count;
        }
    }

    private static void start() {
        Thread thread = new Thread(null, KeepAlive::run, "reactor-ffi-keep-alive", 0, false);
        thread.setDaemon(false);
        thread.setContextClassLoader(KeepAlive.class.getClassLoader());
        thread.start();
    }

    private static void run() {
        do {
            hold();
            AtExit.linger();
        } while (!end());
    }

    /** Returns once no token has been out for the time of grace. */
    private static void hold() {
        synchronized (LOCK) {
            do {
                holding = true;
                while (count > 0) {
                    sleep(0);
                }
                holding = false;
                long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(GRACE_MILLIS);
                long left;
                while ((left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime())) > 0) {
                    sleep(left);
                }
            } while (count > 0);
        }
    }

    private static boolean end() {
        synchronized (LOCK) {
            running = count > 0;
            return !running;
        }
    }

    @GuardedBy("LOCK")
    @SuppressWarnings("WaitNotInLoop") // the callers loop
    private static void sleep(long millis) {
        try {
            LOCK.wait(millis);
        } catch (InterruptedException _) {
            // nothing interrupts this thread on purpose; the tokens decide
        }
    }
}
