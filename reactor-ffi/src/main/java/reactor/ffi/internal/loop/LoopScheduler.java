package reactor.ffi.internal.loop;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Scannable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeAction;
import reactor.ffi.NativeCall;
import reactor.ffi.SchedulerOptions;
import reactor.ffi.internal.Trail;
import reactor.ffi.internal.life.AtExit;
import reactor.ffi.internal.life.Refs;

/**
 * The one implementation of {@link CallbackScheduler}: the face of the room, to Reactor, to users, and to the other rooms. Behind
 * it are {@link LoopThread} with {@link Idle} and {@link Turn}, what the thread does ({@link Loop}), who waits for it
 * ({@link Callers}), and how it lives and ends ({@link LoopLife}).
 */
public final class LoopScheduler implements CallbackScheduler, Scannable {

    private static final class Shared {
        static final LoopScheduler INSTANCE =
                new LoopScheduler(SchedulerOptions.named("reactor-ffi"), ClassLoader.getSystemClassLoader(), true);
    }

    private final SchedulerOptions options;
    private final boolean shared;
    private final LoopThread thread;
    private final Loop loop;
    private final Callers callers;
    private final LoopLife life;
    private final Lifecycle lifecycle = new Lifecycle();
    private final Refs refs;

    private LoopScheduler(SchedulerOptions options, @Nullable ClassLoader loader, boolean shared) {
        int ignored = AtExit.limit(); // a bad one is said here, where nothing keeps the JVM up yet
        this.options = options;
        this.shared = shared;
        this.thread = new LoopThread(options, this::live, loader);
        this.loop = new Loop(thread.idle(), thread.turn(), lifecycle);
        this.callers = new Callers(thread, loop::turns, lifecycle, options.maxCallers());
        this.life = new LoopLife(thread, loop, lifecycle, callers);
        this.refs = newRefs();
    }

    /** What the thread runs. */
    private void live() {
        Running.add(this);
        try {
            life.run();
        } finally {
            Running.remove(this);
        }
    }

    /**
     * Makes a scheduler, whose thread starts with the first work.
     *
     * @param options its name and limits
     * @return a new scheduler
     */
    public static LoopScheduler create(SchedulerOptions options) {
        return new LoopScheduler(
                requireNonNull(options, "options"), Thread.currentThread().getContextClassLoader(), false);
    }

    /**
     * Returns the shared scheduler, which cannot be disposed of.
     *
     * @return the same one always
     */
    public static LoopScheduler shared() {
        return Shared.INSTANCE;
    }

    // ---- Reactor's Scheduler

    @Override
    public Disposable schedule(Runnable task) {
        return submit(task(task, null, LoopTask.ONCE), 0, TimeUnit.NANOSECONDS);
    }

    @Override
    public Disposable schedule(Runnable task, long delay, TimeUnit unit) {
        return submit(task(task, null, LoopTask.ONCE), delay, unit);
    }

    @Override
    public Disposable schedulePeriodically(Runnable task, long initialDelay, long period, TimeUnit unit) {
        return submit(task(task, null, periodOf(period, unit)), initialDelay, unit);
    }

    @Override
    public Worker createWorker() {
        return new LoopWorker(this);
    }

    LoopTask task(Runnable task, Disposable.@Nullable Composite parent, long period) {
        return new LoopTask(loop.timers(), Schedulers.onSchedule(requireNonNull(task, "task")), parent, false, period);
    }

    static long periodOf(long period, TimeUnit unit) {
        return Math.max(0, requireNonNull(unit, "unit").toNanos(period));
    }

    LoopTask submit(LoopTask task, long delay, TimeUnit unit) {
        requireNonNull(unit, "unit");
        if (delay > 0 || task.period > 0) { // one with a period has to know when it began
            task.dueIn(Math.max(0, unit.toNanos(delay)));
        }
        if (lifecycle.isDisposed() || !loop.offer(task)) {
            throw rejected();
        }
        return task;
    }

    @Override
    public void init() {
        if (isDisposed()) {
            throw new IllegalStateException("Initializing a disposed scheduler is not permitted");
        }
    }

    @Override
    public boolean isDisposed() {
        return lifecycle.isDisposed();
    }

    @Override
    public void dispose() {
        dispose(true);
    }

    @Override
    public Mono<Void> disposeGracefully() {
        return Mono.defer(() -> {
            dispose(false);
            return shared ? Mono.empty() : Mono.fromFuture(life.ended(), true);
        });
    }

    private void dispose(boolean drop) {
        if (!shared) {
            life.dispose(drop);
        }
    }

    /**
     * Makes the error for work that comes after the dispose.
     *
     * @return a new one
     */
    public RejectedExecutionException rejected() {
        return life.rejected();
    }

    @Override
    @SuppressWarnings({"rawtypes", "ReferenceEquality"}) // as Scannable declares it, and compares
    public @Nullable Object scanUnsafe(Attr key) {
        if (key == Attr.TERMINATED || key == Attr.CANCELLED) {
            return isDisposed();
        }
        if (key == Attr.NAME) {
            return toString();
        }
        if (key == Attr.BUFFERED) {
            return loop.buffered();
        }
        if (key == Attr.CAPACITY) {
            return Integer.MAX_VALUE;
        }
        return null;
    }

    @Override
    public String toString() {
        return thread.scheduler();
    }

    // ---- CallbackScheduler

    @Override
    public boolean isCurrent() {
        return thread.turn().isCurrent();
    }

    @Override
    public int ref() {
        int count = isDisposed() ? 0 : refs.ref();
        if (count == 0) {
            throw rejected();
        }
        return count;
    }

    @Override
    public int unref() {
        return refs.unref();
    }

    @Override
    public int refCount() {
        return refs.count();
    }

    @Override
    public <R extends @Nullable Object> R callBlocking(NativeCall<R> call) {
        requireNonNull(call, "call");
        Turn turn = thread.turn();
        if (!turn.isCurrent()) {
            return Turn.call(call);
        }
        Watch.Entry watch = Watch.begin("a lend of the turn", Thread.currentThread(), thread, this::somebodyWaits);
        if (Trail.isOn()) {
            Trail.log(options.name(), "lends its turn");
        }
        try {
            return turn.callBlocking(call);
        } finally {
            if (Trail.isOn()) {
                Trail.log(options.name(), "has its turn back");
            }
            watch.end();
        }
    }

    /**
     * Whether a task or a value waits for the scheduler's thread. Any thread, approximately. Callers and producers that wait say so
     * themselves.
     */
    private boolean somebodyWaits() {
        return loop.hasTasks() || lifecycle.attached().stream().anyMatch(LoopSource::hasWork);
    }

    @Override
    public void runBlocking(NativeAction action) {
        requireNonNull(action, "action");
        callBlocking(() -> {
            action.run();
            return true;
        });
    }

    @Override
    public <R> Mono<R> offload(NativeCall<? extends @Nullable R> call) {
        return Offload.of(this, requireNonNull(call, "call"));
    }

    // ---- for the other rooms

    /**
     * Makes a count for a callback on this scheduler. The end of the scheduler takes back what is left of that
     * count.
     *
     * @return a count of zero
     */
    public Refs newRefs() {
        return new Refs(life.hold());
    }

    /**
     * Adds a source, before its first signal, and starts the scheduler's thread: where no thread can be had this fails, and
     * nothing was added. Any thread.
     *
     * @param source of this scheduler
     * @return false if the scheduler is disposed, or the JVM is shutting down ({@link ExitHook#begun()} says which): it was
     *     not added, and must not signal
     */
    public boolean attach(LoopSource source) {
        return life.attach(source);
    }

    /**
     * Takes a source away that has unregistered. Any thread; the scheduler's thread ends only when all are gone.
     *
     * @param source one that was attached
     */
    public void detach(LoopSource source) {
        life.detach(source);
    }

    /**
     * Queues work of the library: no hooks, not dropped by a dispose, accepted until the thread has ended. Any thread.
     *
     * @param work what it throws is reported as a task's error is
     * @return false if the thread has ended: it will not be run
     */
    public boolean execute(Runnable work) {
        return loop.offer(new LoopTask(loop.timers(), work, null, true, LoopTask.ONCE));
    }

    /**
     * As {@link #execute}, after a delay; not run if the thread ends before.
     *
     * @param nanos the delay, more than zero
     * @param work what it throws is reported as a task's error is
     * @return cancels the work
     */
    public Disposable executeAfter(long nanos, Runnable work) {
        LoopTask task = new LoopTask(loop.timers(), work, null, true, LoopTask.ONCE);
        task.dueIn(nanos);
        boolean ignored = loop.offer(task);
        return task;
    }

    /**
     * Whether the caller is the scheduler's own thread, and has the turn: what may be delivered, may be delivered there and then.
     *
     * @return false on a borrowed turn
     */
    public boolean isOwnTurn() {
        return thread.isCurrent() && thread.turn().isCurrent();
    }

    /**
     * The scheduler's thread, with its turn.
     *
     * @return the same one always, started or not
     */
    public LoopThread thread() {
        return thread;
    }

    /**
     * The name of its thread.
     *
     * @return not blank
     */
    @Override
    public String name() {
        return options.name();
    }

    /**
     * What the scheduler's thread does, and has done.
     *
     * @return the same one always
     */
    public Loop loop() {
        return loop;
    }

    /**
     * How threads without the turn get their calls run.
     *
     * @return the same one always
     */
    public Callers callers() {
        return callers;
    }

    /**
     * How many sources are attached.
     *
     * @return subscriptions and confined values that live
     */
    public int sources() {
        return lifecycle.sources();
    }
}
