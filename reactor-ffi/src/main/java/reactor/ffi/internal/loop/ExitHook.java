package reactor.ffi.internal.loop;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import reactor.ffi.internal.life.AtExit;
import reactor.util.Loggers;

/**
 * Unregisters the sources that are still live when the JVM ends; otherwise native threads would go on to call into
 * the JVM. All schedulers unregister at the same time, within the limit of {@link AtExit}, whose hook runs this
 * class.
 */
public final class ExitHook {

    /** The schedulers that ever had a source, and whose thread has not ended. */
    private static final Set<LoopLife> LIVE = ConcurrentHashMap.newKeySet();

    private static volatile boolean begun = !AtExit.unregister(ExitHook::run);

    private ExitHook() {}

    /**
     * Whether the JVM is shutting down, and live sources are being unregistered. Any thread.
     *
     * @return true if nothing new may be registered
     */
    public static boolean begun() {
        return begun;
    }

    static void add(LoopLife scheduler) {
        if (!LIVE.contains(scheduler)) {
            LIVE.add(scheduler);
        }
    }

    static void remove(LoopLife scheduler) {
        LIVE.remove(scheduler);
    }

    private static void run() {
        begun = true;
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(AtExit.limit());
        List<Thread> exiting = exiting();
        List<Leave> leaves = new ArrayList<>();
        for (LoopLife scheduler : LIVE) {
            List<LoopSource> sources = new ArrayList<>(scheduler.attached());
            sources.removeIf(source -> isHeldUp(source, exiting));
            if (!sources.isEmpty()) {
                leaves.add(new Leave(scheduler, sources, exiting, deadline));
            }
        }
        leaves.forEach(ExitHook::start);
        for (Leave leave : leaves) {
            leave.awaitEnd();
        }
    }

    private static void start(Leave leave) {
        Thread thread = new Thread(null, leave, "reactor-ffi-exit " + leave.scheduler, 0, false);
        thread.setDaemon(true);
        try {
            thread.start();
        } catch (Throwable _) { // no memory for a thread; the limit still holds, but for the time that an action takes
            leave.run();
        }
    }

    /**
     * Returns the threads that end the JVM: the one that runs the hooks, and those that called exit later and
     * are stuck for ever.
     */
    private static List<Thread> exiting() {
        List<Thread> exiting = new ArrayList<>();
        for (Map.Entry<Thread, StackTraceElement[]> each :
                Thread.getAllStackTraces().entrySet()) {
            for (StackTraceElement frame : each.getValue()) {
                if (frame.getClassName().equals("java.lang.Shutdown")) {
                    exiting.add(each.getKey());
                    break;
                }
            }
        }
        return exiting;
    }

    private static boolean isHeldUp(LoopSource source, List<Thread> exiting) {
        for (Thread thread : exiting) {
            if (source.runsOn(thread)) {
                warn(source + " stays registered: its handler, or its unregistering, is on the stack of \""
                        + thread.getName() + "\", which ends the JVM");
                return true;
            }
        }
        return false;
    }

    private static void warn(String text) {
        Loggers.getLogger(ExitHook.class).warn(text);
    }

    /**
     * Unregisters the sources of one scheduler, on a thread of its own: on the scheduler's thread if that answers; by itself on a
     * lent turn; by itself on the turn of a thread that ends the JVM, which no other thread will ever have again.
     */
    private static final class Leave implements Runnable {

        private final LoopLife scheduler;
        private final List<LoopSource> sources;
        private final List<Thread> exiting;
        private final long deadline;
        private final CountDownLatch ended = new CountDownLatch(1);

        Leave(LoopLife scheduler, List<LoopSource> sources, List<Thread> exiting, long deadline) {
            this.scheduler = scheduler;
            this.sources = sources;
            this.exiting = exiting;
            this.deadline = deadline;
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
                scheduler.call(exit, left()); // a disposed one refuses: it unregisters them without being told
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

        /**
         * Waits, on the hook's thread, until all sources have unregistered, or the time is up; then names
         * in the log those that have not.
         */
        void awaitEnd() {
            try {
                boolean _ = ended.await(left(), TimeUnit.NANOSECONDS);
                scheduler.awaitDetached(sources, deadline);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
            for (LoopSource source : scheduler.attached()) {
                if (sources.contains(source)) {
                    warn(source + " on " + scheduler + " did not unregister within the limit at exit");
                }
            }
        }

        private long left() {
            return Math.max(0, deadline - System.nanoTime());
        }
    }
}
