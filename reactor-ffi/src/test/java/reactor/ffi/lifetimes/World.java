package reactor.ffi.lifetimes;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntFunction;
import reactor.core.Exceptions;
import reactor.core.publisher.Hooks;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.PoolMetrics;
import reactor.ffi.SchedulerOptions;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.Pool;
import reactor.ffi.internal.life.Tokens;

/** What a sequence happens in: a scheduler, a pool of native threads, and the lives that the sequence makes. */
final class World implements AutoCloseable {

    private static final AtomicInteger LAST = new AtomicInteger();
    private static final int LIVES = 8;

    /** Names sources, whose counters outlive the world: what another one has left behind does not count here. */
    final int number = LAST.incrementAndGet();

    final Pool pool = Pool.start(Step.THREADS);

    /** Nothing takes that long but a hang. */
    final Duration limit;

    final Outcomes outcomes = new Outcomes();
    CallbackScheduler scheduler = newScheduler();

    /** By this sequence. */
    volatile boolean disposed;

    private volatile Checks checks = new Checks();
    private final List<Life> lives = new ArrayList<>();

    /** The model of the scheduler's count. */
    private int refs;

    /** A handler of an answered callback, or a closure, is running under the turn; none of them lends it. */
    private volatile boolean inside;

    World(Duration limit) {
        this.limit = limit;
        Hooks.onErrorDropped(this::error);
        Schedulers.onHandleError((thread, error) -> error(error));
    }

    private static CallbackScheduler newScheduler() {
        return CallbackScheduler.create(SchedulerOptions.named("lifetimes").warnAfter(Duration.ofHours(1)));
    }

    /** Every error that no stream takes. */
    void error(Throwable error) {
        if (error instanceof TimeoutException) {
            outcomes.timeOuts.increment();
        }
        boolean expected = error instanceof Planned
                || error instanceof TimeoutException
                || error instanceof RejectedExecutionException
                || Exceptions.isOverflow(error);
        checks.holds("an error that nobody planned: " + error, expected);
    }

    /** The first line of a handler, or closure, that has the turn. */
    void enter(Checks found) {
        found.holds("two handlers under one turn", !inside);
        inside = true;
        found.holds("a handler without the turn", scheduler.isCurrent());
        inside = false;
    }

    /** Does the steps, ends all that is left, and compares. What is broken; empty if all is well. */
    List<String> run(List<Step> steps) {
        checks = new Checks();
        lives.clear();
        pool.reset();
        disposed = false;
        refs = 0;
        long tokens = Tokens.out();
        long unknown = PoolMetrics.now().unknown();
        for (Step step : steps) {
            run(step);
        }
        settle(tokens, unknown);
        return checks.broken();
    }

    private void run(Step step) {
        switch (step.kind()) {
            case SUBSCRIBE -> add(id -> new StreamLife(this, id, step, checks));
            case EXCHANGE -> add(id -> new ExchangeLife(this, id, step, checks));
            case CONFINE -> add(id -> new ConfinedLife(this, id, step, checks));
            case CREATE -> add(id -> new CallbackLife(this, id, step, checks));
            case REF_SCHEDULER -> ref();
            case UNREF_SCHEDULER -> unref();
            case LEND -> schedule(() -> scheduler.runBlocking(() -> pause(10L * step.amount())));
            case BUSY -> schedule(() -> pause(75L * step.amount()));
            case PAUSE -> pause(8L * step.amount());
            case AWAIT_CALLS -> {
                boolean _ = pool.await(Duration.ofNanos(100_000L * step.amount())); // some wait for what comes later
            }
            case DISPOSE -> {
                disposed = true;
                scheduler.dispose();
            }
            default -> {
                if (!lives.isEmpty()) {
                    run(step, lives.get(step.target() % lives.size()));
                }
            }
        }
    }

    private void ref() {
        try {
            checks.equal("refs of the scheduler", scheduler.ref(), ++refs);
            checks.holds("a disposed scheduler takes a ref", !disposed);
        } catch (RejectedExecutionException refused) {
            refs--;
            checks.holds("a scheduler that is not disposed refuses a ref", disposed);
        }
    }

    /** The end of a scheduler takes its refs with it, at some time after the dispose. */
    private void unref() {
        refs = Math.max(0, refs - 1);
        int count = scheduler.unref();
        checks.holds("refs of the scheduler: " + count + ", not " + refs, count == refs || disposed);
    }

    private void run(Step step, Life life) {
        if (life.pointer() == null) {
            return; // it came too late to be registered
        }
        int n = step.amount();
        switch (step.kind()) {
            case FIRE -> life.fire(pool, step.thread(), n);
            case FIRE_ON_SCHEDULER -> schedule(() -> life.fireHere(n));
            case REQUEST -> life.request(n);
            case COMPLETE -> life.complete();
            case FAIL -> life.fail();
            case THROW -> life.throwNext(n);
            case REF -> life.ref(checks);
            case UNREF -> life.unref(checks);
            default -> life.end();
        }
    }

    private void add(IntFunction<Life> maker) {
        if (lives.size() < LIVES) {
            lives.add(maker.apply(lives.size()));
        }
    }

    private void schedule(Runnable task) {
        try {
            scheduler.schedule(task);
        } catch (RejectedExecutionException refused) {
            checks.holds("a scheduler that is not disposed refuses a task", disposed);
        }
    }

    private static void pause(long micros) {
        long end = System.nanoTime() + TimeUnit.MICROSECONDS.toNanos(micros);
        for (long left; (left = end - System.nanoTime()) > 0; ) {
            if (left > 100_000) {
                LockSupport.parkNanos(left);
            } else {
                Thread.onSpinWait();
            }
        }
    }

    private void settle(long tokens, long unknown) {
        for (Life life : lives) {
            life.end();
        }
        if (!pool.await(limit)) {
            checks.broken("a native thread hangs");
            return;
        }
        for (Life life : lives) {
            checks.holds(life + ": does not end", life.awaitOver());
        }
        awaitScheduler();
        while (refs > 0) {
            unref();
        }
        long deadline = System.nanoTime() + limit.toNanos();
        while (Tokens.out() > tokens && System.nanoTime() - deadline < 0) {
            pause(20); // of what still ends
        }
        checks.holds("a token that keeps the JVM up is not given back", Tokens.out() <= tokens);
        long nobodys = 0;
        for (Life life : lives) {
            nobodys += life.check(checks);
            life.release();
        }
        checks.equal("calls of nobody", nobodys, PoolMetrics.now().unknown() - unknown);
        outcomes.unknown.add(nobodys);
        checks.equal("errors of the fixture", Fixture.errorCount(), 0);
        if (disposed) {
            scheduler = newScheduler();
        }
    }

    /** What was queued before is over. */
    void awaitScheduler() {
        if (disposed) {
            scheduler.disposeGracefully().block(limit);
            return;
        }
        CountDownLatch reached = new CountDownLatch(1);
        scheduler.schedule(reached::countDown);
        try {
            checks.holds("the scheduler hangs", reached.await(limit.toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        scheduler.dispose();
        pool.close();
        Hooks.resetOnErrorDropped();
        Schedulers.resetOnHandleError();
    }
}
