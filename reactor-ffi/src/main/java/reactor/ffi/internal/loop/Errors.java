package reactor.ffi.internal.loop;

import java.util.Arrays;
import java.util.concurrent.Executor;
import reactor.core.Disposable;
import reactor.core.Exceptions;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.util.Loggers;

/**
 * Reports errors that have no subscriber, as Reactor's own schedulers report theirs: to the thread's
 * {@code UncaughtExceptionHandler}, then to {@link Schedulers#onHandleError}. Any thread; nothing is ever thrown from
 * here.
 */
public final class Errors {

    private Errors() {}

    /**
     * Reports an error, and survives whatever the handlers that it is reported to throw.
     *
     * @param error what was thrown
     */
    public static void report(Throwable error) {
        try {
            Reactors.WORKER.schedule(() -> sneak(error));
        } catch (Throwable failed) {
            notReported(error, failed);
        }
    }

    /**
     * Logs that an error could not be reported: a handler threw, or the error itself threw when asked for its
     * message.
     */
    private static void notReported(Throwable error, Throwable why) {
        try {
            Loggers.getLogger(Errors.class)
                    .error(
                            "an error could not be reported, "
                                    + error.getClass().getName() + ": "
                                    + why.getClass().getName() + " was thrown",
                            why);
        } catch (Throwable failed) {
            // There is neither memory nor stack for it: the thread that reports has to live on.
        }
    }

    /**
     * Joins two errors: adds the second to the first as suppressed. Some errors keep no suppressed ones, such
     * as those that the JVM has made in advance; then the second is reported.
     *
     * @param first what is thrown or signalled
     * @param second what must not be lost
     * @return the first, but for Reactor's constants
     */
    @SuppressWarnings("ReferenceEquality") // an error is the same one or another
    public static Throwable both(Throwable first, Throwable second) {
        Throwable both = Exceptions.addSuppressed(first, second);
        if (first != second && Arrays.stream(both.getSuppressed()).noneMatch(kept -> kept == second)) {
            report(second);
        }
        return both;
    }

    /** Logs an error: the handler that a scheduler's thread has, as Reactor's threads have one. */
    static void uncaught(Thread thread, Throwable error) {
        Loggers.getLogger(Errors.class)
                .error("Scheduler worker in thread " + thread.getName() + " failed with an uncaught exception", error);
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void sneak(Throwable error) throws E {
        throw (E) error;
    }

    /**
     * {@code Schedulers.handleError} is not public. This reaches it: a worker of Reactor's that runs its task on the spot.
     * An executor that is a {@link Scheduler} as well is not given the {@code onSchedule} hooks, which a task that only
     * throws must not see.
     */
    private static final class Reactors implements Executor, Scheduler {

        static final Scheduler.Worker WORKER =
                Schedulers.fromExecutor((Executor) new Reactors()).createWorker();

        @Override
        public void execute(Runnable task) {
            task.run();
        }

        @Override
        public Disposable schedule(Runnable task) {
            throw new UnsupportedOperationException("only an executor");
        }

        @Override
        public Worker createWorker() {
            throw new UnsupportedOperationException("only an executor");
        }

        @Override
        public String toString() {
            return "errors";
        }
    }
}
