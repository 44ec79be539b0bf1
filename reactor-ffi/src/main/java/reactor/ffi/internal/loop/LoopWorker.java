package reactor.ffi.internal.loop;

import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.Exceptions;
import reactor.core.Scannable;
import reactor.core.scheduler.Scheduler;

/**
 * A worker, whose tasks are cancelled together. Tasks that one thread schedules run in their order, as all tasks of
 * a scheduler do.
 */
final class LoopWorker implements Scheduler.Worker, Scannable {

    private final LoopScheduler scheduler;
    private final Disposable.Composite tasks = Disposables.composite();

    LoopWorker(LoopScheduler scheduler) {
        this.scheduler = scheduler;
    }

    @Override
    public Disposable schedule(Runnable task) {
        return submit(scheduler.task(task, tasks, LoopTask.ONCE), 0, TimeUnit.NANOSECONDS);
    }

    @Override
    public Disposable schedule(Runnable task, long delay, TimeUnit unit) {
        return submit(scheduler.task(task, tasks, LoopTask.ONCE), delay, unit);
    }

    @Override
    public Disposable schedulePeriodically(Runnable task, long initialDelay, long period, TimeUnit unit) {
        return submit(scheduler.task(task, tasks, LoopScheduler.periodOf(period, unit)), initialDelay, unit);
    }

    private Disposable submit(LoopTask task, long delay, TimeUnit unit) {
        if (!tasks.add(task)) {
            throw Exceptions.failWithRejected();
        }
        try {
            return scheduler.submit(task, delay, unit);
        } catch (Throwable e) {
            task.dispose();
            throw e;
        }
    }

    @Override
    public void dispose() {
        tasks.dispose();
    }

    @Override
    public boolean isDisposed() {
        return tasks.isDisposed();
    }

    @Override
    @SuppressWarnings({"rawtypes", "ReferenceEquality"}) // as Scannable declares it, and compares
    public @Nullable Object scanUnsafe(Attr key) {
        if (key == Attr.BUFFERED) {
            return tasks.size();
        }
        if (key == Attr.TERMINATED || key == Attr.CANCELLED) {
            return isDisposed();
        }
        if (key == Attr.NAME) {
            return scheduler + ".worker";
        }
        if (key == Attr.PARENT) {
            return scheduler;
        }
        return null;
    }
}
