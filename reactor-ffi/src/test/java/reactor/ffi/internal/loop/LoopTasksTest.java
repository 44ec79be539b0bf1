package reactor.ffi.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.Scannable;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.SchedulerOptions;

@Timeout(30)
class LoopTasksTest {

    private final LoopScheduler scheduler = LoopScheduler.create(SchedulerOptions.named("loop-test"));

    @AfterEach
    void dispose() {
        scheduler.dispose();
        scheduler.disposeGracefully().block(Duration.ofSeconds(10));
    }

    @Nested
    class Tasks {

        @Test
        void runInTheOrderOfTheirThread() throws Exception {
            List<Integer> ran = new ArrayList<>();
            for (int i = 0; i < 10_000; i++) {
                int n = i;
                scheduler.schedule(() -> ran.add(n));
            }
            LoopSchedulerTest.on(scheduler, () -> {});
            assertThat(ran).isEqualTo(IntStream.range(0, 10_000).boxed().toList());
        }

        @Test
        void thatAreCancelledDoNotRun() throws Exception {
            CountDownLatch blocked = new CountDownLatch(1);
            scheduler.schedule(() -> LoopSchedulerTest.awaitQuietly(blocked));
            AtomicBoolean ran = new AtomicBoolean();
            Disposable task = scheduler.schedule(() -> ran.set(true));
            assertThat(task.isDisposed()).isFalse();
            task.dispose();
            assertThat(task.isDisposed()).isTrue();
            blocked.countDown();
            LoopSchedulerTest.on(scheduler, () -> {});
            assertThat(ran).isFalse();
        }

        @Test
        void areNotInterruptedByACancel() throws Exception {
            CountDownLatch begun = new CountDownLatch(1);
            CountDownLatch go = new CountDownLatch(1);
            AtomicBoolean interrupted = new AtomicBoolean();
            Disposable task = scheduler.schedule(() -> {
                begun.countDown();
                LoopSchedulerTest.awaitQuietly(go);
                interrupted.set(Thread.interrupted());
            });
            begun.await();
            task.dispose();
            go.countDown();
            LoopSchedulerTest.on(scheduler, () -> {});
            assertThat(interrupted).isFalse();
        }

        @Test
        void areDisposedOnceTheyHaveRun() throws Exception {
            Disposable task = scheduler.schedule(() -> {});
            LoopSchedulerTest.on(scheduler, () -> {});
            assertThat(task.isDisposed()).isTrue();
        }

        @Test
        void goThroughTheOnScheduleHook() throws Exception {
            List<String> order = new CopyOnWriteArrayList<>();
            Schedulers.onScheduleHook("order", task -> () -> {
                order.add("before");
                task.run();
            });
            Scheduler.Worker worker = scheduler.createWorker();
            try {
                scheduler.schedule(() -> order.add("task"));
                scheduler.schedule(() -> order.add("delayed"), 1, TimeUnit.MILLISECONDS);
                await().until(() -> order.size() == 4);
                worker.schedule(() -> order.add("worker"));
                await().until(() -> order.size() == 6);
            } finally {
                Schedulers.resetOnScheduleHook("order");
            }
            assertThat(order).containsExactly("before", "task", "before", "delayed", "before", "worker");
        }

        @Test
        void doNotStarveASource() throws Exception {
            AtomicInteger looked = new AtomicInteger();
            AtomicBoolean stop = new AtomicBoolean();
            TestSource source = new TestSource(scheduler) {
                @Override
                protected boolean drain(int budget) {
                    looked.incrementAndGet();
                    return !stop.get(); // a scheduler whose source finds something does not end
                }
            };
            scheduler.attach(source);
            Runnable[] again = new Runnable[1];
            again[0] = () -> {
                if (!stop.get()) {
                    scheduler.schedule(again[0]);
                }
            };
            scheduler.schedule(again[0]);
            source.signal();
            await().until(() -> looked.get() > 100);
            AtomicBoolean timer = new AtomicBoolean();
            scheduler.schedule(() -> timer.set(true), 1, TimeUnit.MILLISECONDS);
            await().untilTrue(timer);
            stop.set(true);
            scheduler.detach(source);
        }

        @Test
        void thatAreNullAreRefused() {
            assertThatThrownBy(() -> scheduler.schedule(null)).isInstanceOf(NullPointerException.class);
        }
    }

    @Nested
    class DelayedAndPeriodicTasks {

        @Test
        void runNoEarlierThanTheirDelay() throws Exception {
            long from = System.nanoTime();
            CountDownLatch ran = new CountDownLatch(1);
            scheduler.schedule(ran::countDown, 50, TimeUnit.MILLISECONDS);
            ran.await();
            assertThat(System.nanoTime() - from).isBetween(50_000_000L, 2_000_000_000L);
        }

        @Test
        void runByTimeAndThoseOfTheSameTimeInOrder() {
            List<String> ran = new CopyOnWriteArrayList<>();
            scheduler.schedule(() -> ran.add("later"), 120, TimeUnit.MILLISECONDS);
            scheduler.schedule(() -> ran.add("soon 1"), 40, TimeUnit.MILLISECONDS);
            scheduler.schedule(() -> ran.add("soon 2"), 40, TimeUnit.MILLISECONDS);
            scheduler.schedule(() -> ran.add("now"), -1, TimeUnit.MILLISECONDS);
            await().until(() -> ran.size() == 4);
            assertThat(ran).containsExactly("now", "soon 1", "soon 2", "later");
        }

        @Test
        void acceptADelayBeyondTheEndOfTime() throws Exception {
            Disposable never = scheduler.schedule(() -> {}, Long.MAX_VALUE, TimeUnit.DAYS);
            LoopSchedulerTest.on(scheduler, () -> {});
            assertThat(never.isDisposed()).isFalse();
            never.dispose();
        }

        @Test
        void repeatAtAFixedRate() {
            List<Long> at = new CopyOnWriteArrayList<>();
            long from = System.nanoTime();
            Disposable periodic =
                    scheduler.schedulePeriodically(() -> at.add(System.nanoTime()), 20, 10, TimeUnit.MILLISECONDS);
            await().until(() -> at.size() >= 10);
            periodic.dispose();
            for (int i = 0; i < 10; i++) {
                assertThat(at.get(i) - from).as("run %d", i).isGreaterThanOrEqualTo((20 + i * 10L) * 1_000_000);
            }
        }

        @Test
        void repeatWithoutAPeriodBehindWhatIsQueued() throws Exception {
            AtomicInteger runs = new AtomicInteger();
            Disposable periodic = scheduler.schedulePeriodically(runs::incrementAndGet, 0, 0, TimeUnit.NANOSECONDS);
            await().until(() -> runs.get() > 10);
            LoopSchedulerTest.on(scheduler, () -> {});
            periodic.dispose();
            LoopSchedulerTest.on(scheduler, () -> {});
            int after = runs.get();
            LoopSchedulerTest.on(scheduler, () -> {});
            assertThat(runs).hasValue(after);
        }

        @Test
        void goOnAfterAnError() {
            AtomicInteger runs = new AtomicInteger();
            Disposable periodic = scheduler.schedulePeriodically(
                    () -> {
                        if (runs.incrementAndGet() == 1) {
                            throw new IllegalStateException("expected in the log");
                        }
                    },
                    1,
                    1,
                    TimeUnit.MILLISECONDS);
            await().until(() -> runs.get() >= 3);
            periodic.dispose();
        }

        @Test
        void stopWhenCancelledFromWithin() throws Exception {
            AtomicInteger runs = new AtomicInteger();
            Disposable.Swap periodic = Disposables.swap();
            CountDownLatch set = new CountDownLatch(1);
            periodic.update(scheduler.schedulePeriodically(
                    () -> {
                        LoopSchedulerTest.awaitQuietly(set);
                        runs.incrementAndGet();
                        periodic.dispose();
                    },
                    0,
                    1,
                    TimeUnit.MILLISECONDS));
            set.countDown();
            CountDownLatch later = new CountDownLatch(1);
            scheduler.schedule(later::countDown, 20, TimeUnit.MILLISECONDS);
            later.await();
            assertThat(runs).hasValue(1);
        }

        @Test
        void thatAreCancelledDoNotAccumulate() throws Exception {
            for (int i = 0; i < 100_000; i++) {
                scheduler.schedule(() -> {}, 1, TimeUnit.HOURS).dispose();
            }
            await().untilAsserted(() -> {
                LoopSchedulerTest.on(scheduler, () -> {});
                assertThat((int) scheduler.scanUnsafe(Scannable.Attr.BUFFERED)).isLessThanOrEqualTo(128);
            });
        }

        @Test
        void keepTheirPeriodWithoutADelay() throws Exception {
            List<Long> at = new CopyOnWriteArrayList<>();
            CountDownLatch four = new CountDownLatch(4);
            long begun = System.nanoTime();
            Disposable periodic = scheduler.schedulePeriodically(
                    () -> {
                        at.add(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
                        four.countDown();
                    },
                    0,
                    100,
                    TimeUnit.MILLISECONDS);
            four.await();
            periodic.dispose();
            assertThat(at.get(3)).isGreaterThanOrEqualTo(300);
        }

        @Test
        void thatAreCancelledWhileTheThreadSleepsDoNotAccumulate() throws Exception {
            List<Disposable> tasks = new ArrayList<>();
            for (int i = 0; i < 10_000; i++) {
                tasks.add(scheduler.schedule(() -> {}, 1, TimeUnit.HOURS));
            }
            await().until(() -> scheduler.thread().getState() == Thread.State.TIMED_WAITING);
            tasks.forEach(Disposable::dispose);
            await().untilAsserted(() -> assertThat((int) scheduler.scanUnsafe(Scannable.Attr.BUFFERED))
                    .isLessThanOrEqualTo(128));
        }

        /** The last of those for which it is woken comes between its last look and its sleep, now and then. */
        @Test
        void thatAreCancelledAsTheThreadFallsAsleepDoNotAccumulate() {
            Random random = new Random(1);
            for (int round = 0; round < 3_000; round++) {
                List<Disposable> tasks = new ArrayList<>();
                for (int i = 0; i < 64; i++) {
                    tasks.add(scheduler.schedule(() -> {}, 1, TimeUnit.HOURS));
                }
                LockSupport.parkNanos(random.nextInt(100_000));
                tasks.forEach(Disposable::dispose);
                await().pollInterval(Duration.ofNanos(10_000))
                        .pollInSameThread()
                        .until(() -> scheduler.scanOrDefault(Scannable.Attr.BUFFERED, -1) == 0);
            }
        }
    }

    @Nested
    class AWorker {

        @Test
        void runsItsTasksInOrder() throws Exception {
            Scheduler.Worker worker = scheduler.createWorker();
            List<Integer> ran = new ArrayList<>();
            for (int i = 0; i < 1_000; i++) {
                int n = i;
                worker.schedule(() -> ran.add(n));
            }
            LoopSchedulerTest.on(scheduler, () -> {});
            assertThat(ran).isEqualTo(IntStream.range(0, 1_000).boxed().toList());
            assertThat(Scannable.from(worker).scan(Scannable.Attr.BUFFERED)).isZero();
        }

        @Test
        void cancelsItsTasksAndNoOthersWhenItIsDisposed() throws Exception {
            CountDownLatch blocked = new CountDownLatch(1);
            scheduler.schedule(() -> LoopSchedulerTest.awaitQuietly(blocked));
            Scheduler.Worker worker = scheduler.createWorker();
            AtomicInteger mine = new AtomicInteger();
            AtomicInteger others = new AtomicInteger();
            worker.schedule(mine::incrementAndGet);
            worker.schedule(mine::incrementAndGet, 1, TimeUnit.MILLISECONDS);
            worker.schedulePeriodically(mine::incrementAndGet, 1, 1, TimeUnit.MILLISECONDS);
            scheduler.createWorker().schedule(others::incrementAndGet);
            worker.dispose();
            blocked.countDown();
            CountDownLatch later = new CountDownLatch(1);
            scheduler.schedule(later::countDown, 20, TimeUnit.MILLISECONDS);
            later.await();
            assertThat(mine).hasValue(0);
            assertThat(others).hasValue(1);
            assertThat(worker.isDisposed()).isTrue();
            assertThatThrownBy(() -> worker.schedule(() -> {})).isInstanceOf(RejectedExecutionException.class);
        }

        @Test
        void forgetsATaskThatIsCancelledWhileItRuns() throws Exception {
            CountDownLatch running = new CountDownLatch(1);
            CountDownLatch until = new CountDownLatch(1);
            Scheduler.Worker worker = scheduler.createWorker();
            Disposable task = worker.schedulePeriodically(
                    () -> {
                        running.countDown();
                        LoopSchedulerTest.awaitQuietly(until);
                    },
                    0,
                    1,
                    TimeUnit.HOURS);
            running.await();
            assertThat(Scannable.from(worker).scan(Scannable.Attr.BUFFERED)).isEqualTo(1);
            task.dispose();
            assertThat(Scannable.from(worker).scan(Scannable.Attr.BUFFERED)).isZero();
            until.countDown();
        }

        @Test
        void refusesWhenTheSchedulerIsDisposed() {
            Scheduler.Worker worker = scheduler.createWorker();
            scheduler.dispose();
            assertThatThrownBy(() -> worker.schedule(() -> {})).isInstanceOf(RejectedExecutionException.class);
            assertThatThrownBy(() -> worker.schedule(() -> {}, 1, TimeUnit.SECONDS))
                    .isInstanceOf(RejectedExecutionException.class);
            assertThat(Scannable.from(worker).scan(Scannable.Attr.BUFFERED)).isZero();
        }
    }
}
