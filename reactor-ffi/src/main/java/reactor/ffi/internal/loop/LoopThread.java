package reactor.ffi.internal.loop;

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
}
