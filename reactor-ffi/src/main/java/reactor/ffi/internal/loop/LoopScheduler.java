package reactor.ffi.internal.loop;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.Exceptions;
import reactor.core.Scannable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeAction;
import reactor.ffi.NativeCall;
import reactor.ffi.SchedulerOptions;
import reactor.ffi.internal.Trail;
import reactor.ffi.internal.life.AtExit;
import reactor.ffi.internal.life.Hold;
import reactor.ffi.internal.life.Refs;

/**
 * The one implementation of {@link CallbackScheduler}: the face of the room, to Reactor, to users, and to the other rooms.
 * What is behind it: {@link Loop} runs, {@link Idle} waits, {@link Turn} lends, {@link Callers} wait for a turn, {@link Lifecycle} ends.
 */
public final class LoopScheduler implements CallbackScheduler, Scannable {

    private static final class Shared {
        static final LoopScheduler INSTANCE =
                new LoopScheduler(SchedulerOptions.named("reactor-ffi"), ClassLoader.getSystemClassLoader(), true);
    }

    private final SchedulerOptions options;
    private final long warnAfterNanos;
    private final boolean shared;
    private final LoopThread thread;
    private final Idle idle;
    private final Turn turn;
    private final Loop loop;
    private final Callers callers;
    private final Lifecycle lifecycle = new Lifecycle();
    private final Hold hold = new Hold();
    private final Refs refs = newRefs();

    private LoopScheduler(SchedulerOptions options, @Nullable ClassLoader loader, boolean shared) {
        int ignored = AtExit.limit(); // a bad one is said here, where nothing keeps the JVM up yet
        this.options = options;
        this.warnAfterNanos = TimeUnit.NANOSECONDS.convert(options.warnAfter());
        this.shared = shared;
        this.thread = new LoopThread(this, options.name(), this::live, loader);
        this.idle = new Idle(thread, options.spin().toNanos());
        this.turn = new Turn(thread, idle);
        this.loop = new Loop(idle, turn, lifecycle);
        this.callers = new Callers(this, turn, idle, loop::turns, lifecycle, options);
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
     * The one that cannot be disposed.
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
        return new LoopTask(loop, Schedulers.onSchedule(requireNonNull(task, "task")), parent, false, period);
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
            return shared ? Mono.empty() : Mono.fromFuture(lifecycle.ended, true);
        });
    }

    private void dispose(boolean drop) {
        if (shared || !lifecycle.dispose(drop)) {
            return;
        }
        if (lifecycle.isOver() && idle.cancelStart()) {
            terminate();
            lifecycle.ended.complete(null);
        } else {
            loop.offer(new LoopTask(loop, this::end, null, true, LoopTask.ONCE));
        }
    }

    /** The loop's first act as that of a disposed scheduler. */
    private void end() {
        loop.timers().clear();
        turn.refuseCalls();
        lifecycle.each(source -> source.end(rejected()));
    }

    /** The life of the thread. */
    private void live() {
        Running.add(this);
        loop.run();
        terminate();
        try {
            startBurial();
        } catch (Throwable e) { // no memory, or no thread; whoever waits hears it a moment too early
            lifecycle.ended.complete(null);
        }
    }

    /** No virtual thread: while as many of them are inside native calls as there are carriers, no other one runs. */
    private void startBurial() {
        Thread burial = new Thread(null, this::bury, "reactor-ffi-end " + options.name(), 0, false);
        burial.setDaemon(true);
        burial.setContextClassLoader(LoopScheduler.class.getClassLoader());
        burial.start();
    }

    private void terminate() {
        try {
            lifecycle.terminate();
            loop.close();
            turn.close();
            ExitHook.remove(this);
            Running.remove(this);
        } finally {
            hold.end();
        }
    }

    private void bury() {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        lifecycle.ended.complete(null);
    }

    /**
     * The error of whoever comes too late.
     *
     * @return a new one
     */
    public RejectedExecutionException rejected() {
        return Exceptions.failWithRejected(this + " is disposed: it takes no more work; create another");
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
        return "CallbackScheduler(" + options.name() + ")";
    }

    // ---- CallbackScheduler

    @Override
    public boolean isCurrent() {
        return turn.isCurrent();
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
        if (!turn.isCurrent()) {
            return Turn.call(call);
        }
        Watch.Entry watch = Watch.begin("a lend of the turn", Thread.currentThread(), this, this::somebodyWaits);
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
     * The count of a callback on this scheduler, whose end takes what is left of it back.
     *
     * @return a count of zero
     */
    public Refs newRefs() {
        return new Refs(hold);
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
        if (lifecycle.isDisposed()) {
            return false;
        }
        idle.start();
        if (!lifecycle.attach(source)) {
            return false;
        }
        try {
            ExitHook.add(this);
        } catch (Throwable e) { // no memory
            detach(source);
            throw e;
        }
        if (ExitHook.begun()) { // after it was added: either the hook sees the source, or this sees the hook
            detach(source);
            return false;
        }
        return true;
    }

    /**
     * Takes a source away that has unregistered. Any thread; the scheduler's thread ends only when all are gone.
     *
     * @param source one that was attached
     */
    public void detach(LoopSource source) {
        lifecycle.detach(source);
        if (lifecycle.isOver()) {
            idle.wake();
        }
    }

    /**
     * Queues work of the library: no hooks, not dropped by a dispose, accepted until the thread has ended. Any thread.
     *
     * @param work what it throws is reported as a task's error is
     * @return false if the thread has ended: it will not be run
     */
    public boolean execute(Runnable work) {
        return loop.offer(new LoopTask(loop, work, null, true, LoopTask.ONCE));
    }

    /**
     * As {@link #execute}, after a delay; not run if the thread ends before.
     *
     * @param nanos the delay, more than zero
     * @param work what it throws is reported as a task's error is
     * @return cancels the work
     */
    public Disposable executeAfter(long nanos, Runnable work) {
        LoopTask task = new LoopTask(loop, work, null, true, LoopTask.ONCE);
        task.dueIn(nanos);
        boolean ignored = loop.offer(task);
        return task;
    }

    /**
     * Runs a call under the turn, and waits for it: there and then if the caller has the turn; on a turn that is taken back if
     * it is the scheduler's thread inside a lend; else on the scheduler's thread, or by the caller while the turn is lent. The turn of
     * another scheduler that the caller has is lent meanwhile. Any thread; the wait is uninterruptible.
     *
     * @param call made by the calling thread, for this one use
     * @param limitNanos how long to wait for the turn; once the call has begun, it is waited for
     * @param wake whether to wake a sleeping scheduler; if not, the call runs at its next turn
     * @return true if it was run; false if the limit has passed, too many wait already, or the scheduler is disposed: it was
     *     not run and never will be
     */
    public boolean call(TurnCall call, long limitNanos, boolean wake) {
        return callers.call(call, limitNanos, wake);
    }

    /**
     * Returns whether a call with that limit had better not wait: the limit of an earlier one has passed, and the scheduler's
     * thread has not ended what it was in since before that one came. Any thread.
     *
     * @param limitNanos the limit of the call that would wait
     * @return true until the turn moves, or is lent
     */
    public boolean isStuck(long limitNanos) {
        return callers.isStuck(limitNanos);
    }

    /**
     * Takes the turn, if it is lent and free just now. On a thread that does not have it, and that calls {@link #giveBack}
     * afterwards in any case.
     *
     * @return true if the caller may go on as one that has the turn
     */
    public boolean borrow() {
        return callers.borrow();
    }

    /** The end of a {@link #borrow}, whatever has become of it: the calling thread does not have the turn. */
    public void giveBack() {
        turn.giveBack();
    }

    /**
     * Runs something that waits for another thread, with the turn lent that the calling thread has, of any scheduler.
     *
     * @param call what waits
     * @param <R> the type of its result
     * @return what it returns
     */
    public static <R extends @Nullable Object> R lendHeld(NativeCall<R> call) {
        return Callers.lendHeld(call);
    }

    /**
     * Parks the calling thread, inside {@link #lendHeld}: a scheduler's own thread may.
     *
     * @param blocker what it waits for
     * @param nanos at most so long
     */
    public static void parkNanos(Object blocker, long nanos) {
        LoopThread.parkNanos(blocker, nanos);
    }

    /**
     * Whether the caller is the scheduler's own thread, and has the turn: what may be delivered, may be delivered there and then.
     *
     * @return false on a borrowed turn
     */
    public boolean isOwnTurn() {
        return turn.isCurrent() && Thread.currentThread() == thread;
    }

    /**
     * Whether the calling thread is the scheduler's own, with or without the turn.
     *
     * @return true on that thread
     */
    public boolean isOwnThread() {
        return Thread.currentThread() == thread;
    }

    /**
     * A producer of this scheduler is about to wait for room, asleep: from here on it is unparked when the turn is lent, unless
     * {@link #isLent} says that already. To be said again before each sleep, and to be ended by {@link #waitsNoMore}.
     */
    public void waitsForRoom() {
        turn.waitsForRoom();
    }

    /** The opposite of {@link #waitsForRoom}. On the same thread. */
    public void waitsNoMore() {
        turn.waitsNoMore();
    }

    /**
     * Whether the turn is lent at this moment. Any thread: a producer that is about to wait for room looks after
     * {@link #waitsForRoom}.
     *
     * @return true while the scheduler's thread is inside callBlocking
     */
    public boolean isLent() {
        return turn.isLent();
    }

    /**
     * The scheduler's thread, for a stack or a comparison.
     *
     * @return the same one always, started or not
     */
    public Thread thread() {
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
     * After how long a wait is worth a {@link Watch#warn warning}.
     *
     * @return more than zero, in ns
     */
    public long warnAfterNanos() {
        return warnAfterNanos;
    }

    /**
     * What the loop has done.
     *
     * @return counts that are exact when it sleeps
     */
    public LoopCounters counters() {
        return new LoopCounters(loop.turns(), loop.tasks(), idle.wakeUps(), idle.longest());
    }

    /**
     * How many sources are attached.
     *
     * @return subscriptions and confined values that live
     */
    public int sources() {
        return lifecycle.sources();
    }

    Loop loop() {
        return loop;
    }

    Turn turn() {
        return turn;
    }

    Lifecycle lifecycle() {
        return lifecycle;
    }
}
