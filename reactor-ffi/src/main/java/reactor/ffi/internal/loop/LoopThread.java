package reactor.ffi.internal.loop;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import reactor.core.scheduler.NonBlocking;
import reactor.ffi.SchedulerOptions;

/**
 * The scheduler's thread: a daemon, named as the options say, that refuses {@code block()}. It makes and holds what belongs to a
 * thread: how it waits ({@link Idle}), and the right to run on it ({@link Turn}).
 */
public final class LoopThread extends Thread implements NonBlocking {

    private final Runnable body;
    private final Idle idle;
    private final Turn turn;
    private final String scheduler;
    private final long warnAfterNanos;

    /**
     * Makes a thread that is not started yet.
     *
     * @param body the life of the thread
     * @param loader that of the thread which made the scheduler: the thread starts with the first work, which may come from a native
     *     thread that has none
     */
    LoopThread(SchedulerOptions options, Runnable body, @Nullable ClassLoader loader) {
        super(null, null, options.name(), 0, false);
        this.body = body;
        this.idle = new Idle(this, options.spin().toNanos());
        this.turn = new Turn(this, idle);
        this.scheduler = "CallbackScheduler(" + options.name() + ")";
        this.warnAfterNanos = TimeUnit.NANOSECONDS.convert(options.warnAfter());
        setDaemon(true);
        setContextClassLoader(loader);
        setUncaughtExceptionHandler(Errors::uncaught);
    }

    @Override
    public void run() {
        body.run();
    }

    Idle idle() {
        return idle;
    }

    /**
     * The right to run on the scheduler of this thread.
     *
     * @return the same one always
     */
    public Turn turn() {
        return turn;
    }

    /** Returns the text that names the scheduler of this thread in logs and errors. */
    String scheduler() {
        return scheduler;
    }

    /**
     * After how long a wait is worth a {@link Watch#warn warning}.
     *
     * @return more than zero, in ns
     */
    public long warnAfterNanos() {
        return warnAfterNanos;
    }

    /**
     * Returns whether the calling thread is this thread, with or without the turn.
     *
     * @return true on this thread
     */
    public boolean isCurrent() {
        return Thread.currentThread() == this;
    }

    /**
     * Parks the calling thread, which waits for another thread inside {@link Callers#lendHeld}. A scheduler's thread may, as its
     * own turn is lent meanwhile, and BlockHound is told so. To any other thread that must not block, BlockHound says what it says
     * of every wait.
     *
     * @param blocker what the calling thread waits for
     * @param nanos at most so long
     */
    public static void parkNanos(Object blocker, long nanos) {
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
