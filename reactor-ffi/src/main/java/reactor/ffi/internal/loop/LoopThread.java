package reactor.ffi.internal.loop;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import reactor.core.scheduler.NonBlocking;

/** The scheduler's thread: a daemon, named as the options say, that refuses {@code block()}. */
final class LoopThread extends Thread implements NonBlocking {

    final LoopScheduler scheduler;

    private final Runnable body;

    /**
     * @param loader that of whoever made the scheduler: the thread starts with the first work, which may come from a native
     *     thread that has none
     */
    LoopThread(LoopScheduler scheduler, String name, Runnable body, @Nullable ClassLoader loader) {
        super(null, null, name, 0, false);
        this.scheduler = scheduler;
        this.body = body;
        setDaemon(true);
        setContextClassLoader(loader);
        setUncaughtExceptionHandler(Errors::uncaught);
    }

    @Override
    public void run() {
        body.run();
    }

    /**
     * Parks the calling thread, which waits for the answer of a scheduler. Another scheduler's thread may, as its own turn is
     * lent meanwhile, and BlockHound is told so. To any other thread that must not block it says what it says of every wait.
     */
    static void parkNanos(Object blocker, long nanos) {
        if (Thread.currentThread() instanceof LoopThread) {
            parkLent(blocker, nanos);
        } else {
            LockSupport.parkNanos(blocker, nanos);
        }
    }

    /** Allowed under BlockHound, as {@link #spinLent}. */
    private static void parkLent(Object blocker, long nanos) {
        LockSupport.parkNanos(blocker, nanos);
    }

    /** {@code Thread.onSpinWait} on a scheduler's thread, which waits as in {@link #parkNanos}. */
    static void spinLent() {
        Thread.onSpinWait();
    }
}
