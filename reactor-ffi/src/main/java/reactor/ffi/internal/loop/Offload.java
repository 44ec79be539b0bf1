package reactor.ffi.internal.loop;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.Exceptions;
import reactor.core.Scannable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.NativeCall;
import reactor.ffi.internal.life.KeepAlive;

/**
 * A native call that is made off the scheduler's thread, and whose result arrives on it.
 *
 * <p>The threads are our own, not {@code Schedulers.boundedElastic()}: its threads may be virtual, which a downcall pins, and
 * a test with virtual time replaces it by the calling thread, which is the scheduler's as often as not.
 */
final class Offload<R> extends Mono<R> implements Scannable {

    /** As many threads as Reactor's bounded elastic scheduler has, and as long a queue. They end when they have no work. */
    private static final class Pool {

        private static final int MOST = 100_000;

        static final ThreadPoolExecutor THREADS = create();

        private static ThreadPoolExecutor create() {
            int size = 10 * Runtime.getRuntime().availableProcessors();
            AtomicInteger made = new AtomicInteger();
            ThreadPoolExecutor pool = new ThreadPoolExecutor(
                    size,
                    size,
                    10,
                    TimeUnit.SECONDS,
                    new LinkedBlockingQueue<>(MOST),
                    body -> {
                        Thread thread =
                                new Thread(null, body, "reactor-ffi-offload-" + made.incrementAndGet(), 0, false);
                        thread.setDaemon(true);
                        thread.setContextClassLoader(Offload.class.getClassLoader());
                        return thread;
                    },
                    (call, full) -> {
                        throw Exceptions.failWithRejected(MOST + " offloaded calls wait already, for " + size
                                + " threads: subscribe to fewer at once, with flatMap's concurrency for instance");
                    });
            pool.allowCoreThreadTimeOut(true);
            return pool;
        }
    }

    private final LoopScheduler scheduler;
    private final NativeCall<? extends @Nullable R> call;

    static <R> Mono<R> of(LoopScheduler scheduler, NativeCall<? extends @Nullable R> call) {
        return onAssembly(new Offload<>(scheduler, call));
    }

    private Offload(LoopScheduler scheduler, NativeCall<? extends @Nullable R> call) {
        this.scheduler = scheduler;
        this.call = call;
    }

    @Override
    public void subscribe(CoreSubscriber<? super R> actual) {
        actual.onSubscribe(new Run<>(scheduler, call, actual));
    }

    @Override
    @SuppressWarnings({"rawtypes", "ReferenceEquality"}) // as Scannable declares it, and compares
    public @Nullable Object scanUnsafe(Attr key) {
        if (key == Attr.RUN_ON) {
            return scheduler;
        }
        return key == Attr.RUN_STYLE ? Attr.RunStyle.ASYNC : null;
    }

    /** One subscription: one call. */
    private static final class Run<R> implements Subscription, Scannable, Runnable {

        private static final int IDLE = 0;
        private static final int QUEUED = 1;
        private static final int RUNNING = 2;
        private static final int DONE = 3;
        private static final int CANCELLED = 4;

        private static final VarHandle STATE = ConstantBootstraps.fieldVarHandle(
                MethodHandles.lookup(), "state", VarHandle.class, Run.class, int.class);

        private final LoopScheduler scheduler;
        private final NativeCall<? extends @Nullable R> call;
        private final CoreSubscriber<? super R> actual;

        /** Each step is a CAS: a cancel either prevents the call, or finds it running and leaves its result to be discarded. */
        private volatile int state = IDLE;

        /**
         * Keeps the JVM up from the request until the result has arrived. A thread that cancels reads this
         * field after {@code state}.
         */
        private volatile KeepAlive.@Nullable Token token;

        private volatile @Nullable Runnable task;

        Run(LoopScheduler scheduler, NativeCall<? extends @Nullable R> call, CoreSubscriber<? super R> actual) {
            this.scheduler = scheduler;
            this.call = call;
            this.actual = actual;
        }

        @Override
        public void request(long n) {
            if (!Operators.validate(n) || !STATE.compareAndSet(this, IDLE, QUEUED)) {
                return;
            }
            try {
                if (scheduler.isDisposed()) {
                    throw scheduler.rejected();
                }
                token = KeepAlive.acquire();
                Runnable queued = Schedulers.onSchedule(this);
                task = queued;
                if (state == QUEUED) {
                    enqueue(queued);
                }
                if (state == CANCELLED) {
                    withdraw();
                }
            } catch (Throwable e) { // the queue is full, or no memory for a thread
                finish(null, e);
            }
        }

        /** The pool has locks, which a scheduler's thread may have to wait for, briefly. */
        private static void enqueue(Runnable queued) {
            Pool.THREADS.execute(queued);
        }

        /** As {@link #enqueue}. */
        private static void dequeue(Runnable queued) {
            Pool.THREADS.remove(queued);
        }

        @Override
        public void cancel() {
            int was = (int) STATE.getAndSet(this, CANCELLED);
            if (was == QUEUED) {
                withdraw();
            }
        }

        /**
         * Takes a cancelled call out of the pool's queue. Called by the thread that cancelled, and by the
         * thread that requested, which may not have queued the call by then.
         */
        private void withdraw() {
            Runnable queued = task;
            try {
                if (queued != null) {
                    dequeue(queued);
                }
            } finally {
                release();
            }
        }

        private void release() {
            KeepAlive.Token held = token;
            if (held != null) {
                held.release();
            }
        }

        @Override
        public void run() {
            if (!STATE.compareAndSet(this, QUEUED, RUNNING)) {
                return;
            }
            R result = null;
            Throwable error = null;
            try {
                result = call.call();
            } catch (Throwable e) {
                error = e;
            }
            finish(result, error);
        }

        private void finish(@Nullable R result, @Nullable Throwable error) {
            Throwable undelivered = null;
            try {
                if (!scheduler.execute(() -> deliver(result, error))) { // the scheduler's thread has ended
                    undelivered = scheduler.rejected();
                }
            } catch (Throwable e) { // no memory, or no thread: better here than never
                undelivered = e;
            }
            if (undelivered == null) {
                return;
            }
            try {
                if (error == null) {
                    Operators.onDiscard(result, actual.currentContext());
                }
            } finally { // a hook may throw
                deliver(null, error == null ? undelivered : error);
            }
        }

        private void deliver(@Nullable R result, @Nullable Throwable error) {
            try {
                if (!STATE.compareAndSet(this, RUNNING, DONE) && !STATE.compareAndSet(this, QUEUED, DONE)) {
                    if (error == null) {
                        Operators.onDiscard(result, actual.currentContext());
                    } else {
                        Operators.onErrorDropped(error, actual.currentContext());
                    }
                } else if (error != null) {
                    actual.onError(error);
                } else {
                    if (result != null) {
                        actual.onNext(result);
                    }
                    if (state == DONE) { // else cancelled in onNext
                        actual.onComplete();
                    }
                }
            } finally {
                release();
            }
        }

        @Override
        @SuppressWarnings({"rawtypes", "ReferenceEquality"}) // as Scannable declares it, and compares
        public @Nullable Object scanUnsafe(Attr key) {
            if (key == Attr.ACTUAL) {
                return actual;
            }
            if (key == Attr.CANCELLED) {
                return state == CANCELLED;
            }
            if (key == Attr.TERMINATED) {
                return state == DONE;
            }
            if (key == Attr.RUN_ON) {
                return scheduler;
            }
            return key == Attr.RUN_STYLE ? Attr.RunStyle.ASYNC : null;
        }
    }
}
