package reactor.ffi.internal.stream;

import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import reactor.ffi.NativeCall;
import reactor.ffi.internal.Property;
import reactor.ffi.internal.loop.LoopThread;
import reactor.ffi.internal.loop.Watch;
import reactor.util.Logger;
import reactor.util.Loggers;

/** A blocking native loop on a thread of its own, which the end of its registration waits for. */
final class NativeLoop {

    private static final Logger LOG = Loggers.getLogger(NativeLoop.class);

    /**
     * The system property, in ms, of how long the end waits for the native loop of {@code sink.runLoop}, after the
     * action that stops the loop has run.
     */
    private static final String LIMIT = "reactor.ffi.loop.limit";

    private final String name;
    private final Thread thread;

    /** In ms. Read when the loop is made, so that a bad value fails the registration and not the end. */
    private final int limit = Property.read(LIMIT, 10_000, 0, Integer.MAX_VALUE);

    /**
     * Makes a loop that is not started.
     *
     * @param complete called on the loop's thread when the loop has returned
     * @param fail called on the loop's thread with what the loop has thrown
     */
    NativeLoop(String name, NativeCall<?> loop, Runnable complete, Consumer<Throwable> fail) {
        this.name = name;
        this.thread = new Thread(
                () -> {
                    try {
                        loop.call();
                        complete.run();
                    } catch (Throwable thrown) {
                        fail.accept(thrown);
                    }
                },
                name + " loop");
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Returns whether the loop runs on that thread. */
    @SuppressWarnings("ReferenceEquality") // a thread is the same one or another
    boolean isOn(Thread other) {
        return thread == other;
    }

    /**
     * Waits for the end of the loop, for a limited time. Uninterruptible: the flag is set again afterwards.
     *
     * @param scheduler whose stack the log of a long wait has, too
     */
    void join(LoopThread scheduler) {
        long start = System.nanoTime();
        boolean interrupted = false;
        Watch.Entry watch = Watch.begin("the wait for the native loop of " + name, thread, scheduler);
        try {
            long left;
            while (thread.isAlive() && (left = limit - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start)) > 0) {
                try {
                    thread.join(left);
                } catch (InterruptedException _) {
                    interrupted = true;
                }
            }
        } finally {
            watch.end();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (thread.isAlive()) {
            LOG.warn(
                    "the native loop of {} still runs after {} ms: push the action that stops it after sink.runLoop, so that it"
                            + " runs before the loop is waited for",
                    name,
                    limit);
        }
    }
}
