package reactor.ffi;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Source;

/** All that can happen to an answered call, at once. */
class AnswersStressIT {

    @Test
    void fourNativeThreadsWithAMillionCallsEachGetTheRightAnswerOrTheFallback() {
        ForkedJvm.of(Stress.class)
                .timeout(Duration.ofSeconds(100))
                .run()
                .assertExitedCleanly()
                .assertOut("accounting exact");
    }

    /**
     * Four native threads ask without a pause. Meanwhile the scheduler serves them, lends its turn, keeps it so long that calls
     * time out, and lends it to borrowers that lend it again, two deep; other callbacks are made, asked and closed.
     */
    static final class Stress {

        private static final long CALLS = 1_000_000;
        private static final int THREADS = 4;
        private static final long FALLBACK = -7;

        private final String name;
        private final CallbackScheduler scheduler =
                CallbackScheduler.create(SchedulerOptions.named("stress").warnAfter(Duration.ofHours(1)));
        private final AtomicLong handled = new AtomicLong();
        private final AtomicLong failed = new AtomicLong();
        private final AtomicLong others = new AtomicLong();
        private final AtomicLong overlaps = new AtomicLong();
        private final AtomicInteger nested = new AtomicInteger();
        private final AtomicInteger closed = new AtomicInteger();
        private final AtomicLong wrongOfClosed = new AtomicLong();

        /** Plain: lost updates are overlaps. */
        private long serial;

        private volatile boolean inside;
        private volatile boolean stop;

        Stress(String name) {
            this.name = name;
        }

        public static void main(String[] args) throws Exception {
            for (int wave = 1; wave <= 5; wave++) {
                new Stress("steady-" + wave).run();
            }
            System.out.println("accounting exact");
        }

        private void enter() {
            if (inside || !scheduler.isCurrent()) {
                overlaps.incrementAndGet();
            }
            inside = true;
            serial++;
            inside = false;
        }

        private long answer(int thread, long sequence, long id) {
            enter();
            if (sequence % 10_000 == 17) {
                failed.incrementAndGet();
                throw new IllegalStateException("now and then");
            }
            handled.incrementAndGet();
            return sequence + id;
        }

        private void run() throws Exception {
            long begun = System.nanoTime();
            CallbackOptions options = CallbackOptions.named(name)
                    .on(scheduler)
                    .answerWithin(Duration.ofMillis(10))
                    .onError(e -> {});
            NativeCallback<OnAsk> steady = NativeCallback.threadSafe(
                    options, CallbackType.of(OnAsk.class), this::answer, (thread, sequence, id) -> FALLBACK);
            try (Source source = Source.asking(steady.pointer(), 3, FALLBACK)) {
                Thread closing = new Thread(this::createAndClose);
                Thread closingToo = new Thread(this::createAndClose);
                source.start(THREADS, CALLS, 0);
                closing.start();
                closingToo.start();
                lendUntilDone(source);
                stop = true;
                closing.join();
                closingToo.join();
                steady.close();
                steady.closed().block(Duration.ofSeconds(10));
                scheduler.disposeGracefully().block(Duration.ofSeconds(10));
                CallbackMetrics metrics = CallbackMetrics.of(name);
                System.out.printf(
                        "%d calls, %d right, %d fallbacks, %d wrong; %d handled, %d failed, %d late, %d refused;"
                                + " %d nested lends, %d closed, %d ms%n",
                        source.calls(),
                        source.rightAnswers(),
                        source.fallbackAnswers(),
                        source.wrongAnswers(),
                        handled.get(),
                        failed.get(),
                        metrics.lateCalls(),
                        metrics.refusedCalls(),
                        nested.get(),
                        closed.get(),
                        TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
                check("all asked", source.calls(), THREADS * CALLS);
                check("no wrong answer", source.wrongAnswers() + wrongOfClosed.get(), 0);
                check("right", source.rightAnswers(), handled.get());
                check("failed", metrics.failedCalls(), failed.get());
                check(
                        "calls",
                        source.calls(),
                        handled.get() + failed.get() + metrics.lateCalls() + metrics.refusedCalls());
                check("overlaps", overlaps.get(), 0);
                check("lost updates", serial, handled.get() + failed.get() + others.get());
                check("some timed out", Math.min(1, metrics.refusedCalls()), 1);
                check("some lent two deep", Math.min(1, nested.get()), 1);
                check("some closed", Math.min(1, closed.get()), 1);
            }
        }

        private static void check(String what, long actual, long expected) {
            if (actual != expected) {
                throw new AssertionError(what + ": " + actual + " instead of " + expected);
            }
        }

        private void lendUntilDone(Source source) throws InterruptedException {
            MemorySegment[] pointer = new MemorySegment[1];
            NativeCallback<OnEvent> nesting =
                    NativeCallback.threadSafe(scheduler, OnEvent.class, (thread, sequence, depth) -> {
                        enter();
                        others.incrementAndGet();
                        if (depth > 0) {
                            scheduler.runBlocking(() -> Calls.fromThreads(pointer[0], 2, 2, depth - 1));
                            nested.incrementAndGet();
                            enter();
                            others.incrementAndGet();
                        }
                    });
            pointer[0] = nesting.pointer();
            for (int round = 0; source.running() > 0; round++) {
                int kind = round % 64;
                onScheduler(() -> {
                    if (kind == 0) { // too long for those who wait
                        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(15));
                    } else if (kind % 2 == 1) { // those who wait now are answered in the lend
                        LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(200));
                        scheduler.runBlocking(() -> Calls.fromThreads(pointer[0], 2, 1, 2));
                    } else {
                        scheduler.runBlocking(() -> LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(500)));
                    }
                });
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2)); // the scheduler serves by itself
            }
            nesting.close();
        }

        private void onScheduler(Runnable body) throws InterruptedException {
            CountDownLatch done = new CountDownLatch(1);
            scheduler.schedule(() -> {
                body.run();
                done.countDown();
            });
            if (!done.await(60, TimeUnit.SECONDS)) {
                throw new AssertionError("a lend does not end");
            }
        }

        private void createAndClose() {
            for (int round = 0; !stop; round++) {
                int id = round;
                CallbackOptions options =
                        CallbackOptions.named("closed").on(scheduler).onError(e -> {});
                NativeCallback<OnAsk> callback = NativeCallback.threadSafe(
                        options,
                        CallbackType.of(OnAsk.class),
                        (thread, sequence, at) -> {
                            enter();
                            others.incrementAndGet();
                            return sequence + at;
                        },
                        (thread, sequence, at) -> FALLBACK);
                try (Source source =
                        Source.asking(callback.pointer(), id, FALLBACK).start(1, 50, 0)) {
                    long until = round % 50;
                    while (source.calls() < until) {
                        Thread.onSpinWait();
                    }
                    callback.close();
                    source.await();
                    wrongOfClosed.addAndGet(source.wrongAnswers());
                }
                if (round % 2 == 0) {
                    callback.release();
                }
                closed.incrementAndGet();
            }
        }
    }
}
