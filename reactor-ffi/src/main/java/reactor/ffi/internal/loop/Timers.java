package reactor.ffi.internal.loop;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** Delayed and periodic tasks: a heap that only the loop's thread touches, and a count of those that others cancelled. */
final class Timers {

    private static final Comparator<LoopTask> BY_TIME = (a, b) -> {
        long apart = a.due - b.due; // nanoTime may wrap: only a difference says which is earlier
        return apart != 0 ? Long.signum(apart) : Long.compare(a.order, b.order);
    };

    /** Fewer cancelled tasks than this are left where they are, until they are due. */
    private static final int FEW = 64;

    private final Idle idle;

    /** Changed by the loop's thread only. Other threads read its size and its first task, approximately. */
    private final PriorityQueue<LoopTask> heap = new PriorityQueue<>(BY_TIME);

    /** The {@code order} of the next task that is added. Accessed by the loop's thread only. */
    private long order;

    /** How many tasks of the heap were cancelled, at least; a task may be counted that has just left the heap. */
    private final AtomicInteger cancelled = new AtomicInteger();

    Timers(Idle idle) {
        this.idle = idle;
    }

    /**
     * Counts a task that was cancelled, and that may be in the heap. Any thread. Wakes a sleeping thread once
     * there are a good few of them.
     */
    void cancelled() {
        if (cancelled.incrementAndGet() % FEW == 0) {
            idle.wake();
        }
    }

    // The rest is the loop's thread only.

    void add(LoopTask task) {
        if (task.isDisposed()) {
            return;
        }
        task.order = order++;
        heap.add(task);
    }

    /** Runs at most {@code budget} of the tasks that are due; returns whether there was one. */
    boolean run(int budget) {
        if (heap.isEmpty()) {
            return false;
        }
        purge();
        boolean did = false;
        long now = System.nanoTime();
        while (budget-- > 0) {
            LoopTask task = heap.peek();
            if (task == null || task.due - now > 0) {
                break;
            }
            heap.poll();
            did = true;
            if (task.run()) {
                task.due = task.period > 0 ? task.due + task.period : now;
                task.order = order++;
                heap.add(task);
            }
        }
        return did;
    }

    /**
     * Returns how long it is until the next task is due, in ns: zero if a task is due, less than zero if there
     * is none.
     */
    long nanosToNext() {
        LoopTask task = heap.peek();
        return task == null ? -1 : Math.max(0, task.due - System.nanoTime());
    }

    /** Returns whether a task is due. Any thread; approximate. */
    boolean isDue() {
        LoopTask task = heap.peek();
        return task != null && !task.isDisposed() && task.due - System.nanoTime() <= 0;
    }

    void clear() {
        LoopTask task;
        while ((task = heap.poll()) != null) {
            task.withdraw();
        }
    }

    /** Returns how many tasks wait. Any thread; approximate. */
    int size() {
        return heap.size();
    }

    /** Returns whether so many tasks were cancelled that they are to be thrown out. */
    boolean isToBePurged() {
        int gone = cancelled.get();
        return gone >= FEW && gone > heap.size() >> 1 && !heap.isEmpty();
    }

    private void purge() {
        if (isToBePurged()) {
            cancelled.set(0); // who was counted is cancelled already, and so thrown out
            heap.removeIf(LoopTask::isDisposed);
        }
    }
}
