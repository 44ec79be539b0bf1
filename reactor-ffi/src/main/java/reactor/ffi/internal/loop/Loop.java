package reactor.ffi.internal.loop;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.BooleanSupplier;

/**
 * The engine: what the scheduler's thread does.
 *
 * <h2>A turn of the loop</h2>
 * Calls that wait for an answer, then a batch of tasks, then a batch of each active source, then the timers that are due.
 * Each of these is bounded, so that none of them starves the others, and each is looked at even when the one before had work.
 *
 * <h2>No work</h2>
 * The thread pauses about two microseconds without touching a queue and looks again, until the time that {@link Idle} allows
 * is over. Then it marks all sources as idle, looks at each once more, says that it is about to sleep, looks at the queues
 * once more, and sleeps. A producer wakes it only if it reads that: once for each burst.
 *
 * <h2>The end</h2>
 * Of a disposed scheduler the loop runs on until all sources are detached, then {@link Lifecycle} closes the queues.
 */
public final class Loop {

    private static final int BATCH = 256;

    private static final VarHandle TURNS =
            ConstantBootstraps.fieldVarHandle(MethodHandles.lookup(), "turns", VarHandle.class, Loop.class, long.class);

    private final MpscQueue<LoopTask> tasks = new MpscQueue<>();
    private final Idle idle;
    private final Sources sources;
    private final Timers timers;
    private final Turn turn;
    private final Lifecycle lifecycle;

    /** Whether a caller waits for an answer: asked again and again while the thread pauses. */
    private final BooleanSupplier urgent;

    /** How many turns of the loop found work. Written by the loop's thread, read by any thread. */
    private long turns;

    Loop(Idle idle, Turn turn, Lifecycle lifecycle) {
        this.idle = idle;
        this.turn = turn;
        this.lifecycle = lifecycle;
        this.urgent = turn::hasRequests;
        this.sources = new Sources(idle);
        this.timers = new Timers(idle);
    }

    /**
     * The sources that the loop drains.
     *
     * @return the same object always
     */
    public Sources sources() {
        return sources;
    }

    Timers timers() {
        return timers;
    }

    /** Queues a task and wakes the thread; returns false if the thread has ended, and the task will not be run. */
    boolean offer(LoopTask task) {
        if (lifecycle.isTerminated()) {
            return false;
        }
        idle.start(); // before the task is queued: where no thread can be had, the caller hears that it will not run
        tasks.offer(task);
        try {
            idle.wake();
        } catch (Throwable noStack) { // the task must not stay: no other thread would wake the loop for it
            task.withdraw();
            throw noStack;
        }
        return !lifecycle.isTerminated() || !task.withdraw();
    }

    /** The life of the thread. */
    void run() {
        idle.begin();
        for (; ; ) {
            try {
                boolean found = pass();
                if (found) {
                    TURNS.setOpaque(this, turns + 1);
                } else if (lifecycle.isOver() && isQuiet()) {
                    break;
                }
                if (!idle.pause(found, urgent) && !found) {
                    park();
                }
            } catch (Throwable e) { // nothing of a user's gets here; no memory or no stack for what is ours might
                Errors.report(e);
            }
        }
    }

    /**
     * Empties the queue after the last turn, with the scheduler terminated: runs the library's own tasks, and
     * drops those of users.
     */
    void close() {
        timers.clear();
        LoopTask task;
        while ((task = tasks.poll()) != null) {
            run(task);
        }
    }

    private boolean pass() {
        boolean did = turn.serve(BATCH);
        did |= runTasks();
        did |= sources.drain();
        did |= timers.run(BATCH);
        return did;
    }

    private boolean runTasks() {
        int n = 0;
        LoopTask task;
        while (n < BATCH && (task = tasks.poll()) != null) {
            run(task);
            n++;
        }
        return n > 0;
    }

    private void run(LoopTask task) {
        if (!task.internal && lifecycle.drops(task.due != 0 || task.period != LoopTask.ONCE)) {
            task.withdraw();
        } else if (task.due != 0 && !lifecycle.isTerminated()) {
            timers.add(task);
        } else if (task.run()) { // the period is zero: the task runs again, behind those that are queued
            tasks.offer(task);
        }
    }

    private void park() {
        if (!sources.quiesce()) {
            return;
        }
        idle.announce();
        long wait = timers.nanosToNext();
        if (wait != 0 && isQuiet() && !timers.isToBePurged() && !lifecycle.isOver()) {
            idle.park(wait);
        }
        idle.awake();
    }

    private boolean isQuiet() {
        return tasks.isEmpty() && !turn.hasRequests() && !sources.hasReady();
    }

    /** Returns whether a task is to be run now. Any thread; approximate. */
    boolean hasTasks() {
        return tasks.size() != 0 || timers.isDue();
    }

    /** Returns how many tasks wait, delayed ones too. Any thread; approximate. */
    int buffered() {
        return tasks.size() + timers.size();
    }

    /**
     * How many turns found work. Any thread; exact when the loop's thread sleeps.
     *
     * @return zero or more
     */
    public long turns() {
        return (long) TURNS.getOpaque(this);
    }

    /**
     * How often the loop's thread has slept and gone on. Any thread; exact when the loop's thread sleeps.
     *
     * @return zero or more
     */
    public long wakeUps() {
        return idle.wakeUps();
    }

    /**
     * How long the longest turn was that ended of late. Any thread.
     *
     * @return in ns; zero if no turn ended of late
     */
    public long longestTurn() {
        return idle.longest();
    }
}
