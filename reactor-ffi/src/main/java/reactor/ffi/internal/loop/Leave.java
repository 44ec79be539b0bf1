package reactor.ffi.internal.loop;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Unregisters the sources of one scheduler, on a thread of its own: on the scheduler's thread if that answers; by itself on a
 * lent turn; by itself on the turn of a thread that ends the JVM, which nobody else will ever have again.
 */
final class Leave implements Runnable {

    private final LoopScheduler scheduler;
    private final List<LoopSource> sources;
    private final List<Thread> exiting;
    private final long deadline;

    private final CountDownLatch ended = new CountDownLatch(1);

    Leave(LoopScheduler scheduler, List<LoopSource> sources, List<Thread> exiting, long deadline) {
        this.scheduler = scheduler;
        this.sources = sources;
        this.exiting = exiting;
        this.deadline = deadline;
    }

    LoopScheduler scheduler() {
        return scheduler;
    }

    @Override
    public void run() {
        try {
            Turn turn = scheduler.turn();
            for (Thread thread : exiting) {
                if (turn.seize(thread, deadline)) {
                    try {
                        exit();
                    } finally {
                        turn.giveBack();
                    }
                    return;
                }
            }
            TurnCall exit = new TurnCall() {
                @Override
                protected void run() {
                    exit();
                }
            };
            scheduler.call(exit, left(), true); // a disposed one refuses: it unregisters them without being told
        } finally {
            ended.countDown();
        }
    }

    private void exit() {
        for (LoopSource source : sources) {
            try {
                source.exit();
            } catch (Throwable e) {
                Errors.report(e);
            }
        }
    }

    /** By the hook: until all have unregistered, here or on their way already, or the time is up; names those that have not. */
    void awaitEnd() {
        try {
            boolean _ = ended.await(left(), TimeUnit.NANOSECONDS);
            scheduler.lifecycle().awaitDetached(sources, deadline);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
        for (LoopSource source : scheduler.lifecycle().attached()) {
            if (sources.contains(source)) {
                ExitHook.warn(source + " on " + scheduler + " did not unregister within the limit at exit");
            }
        }
    }

    private long left() {
        return Math.max(0, deadline - System.nanoTime());
    }
}
