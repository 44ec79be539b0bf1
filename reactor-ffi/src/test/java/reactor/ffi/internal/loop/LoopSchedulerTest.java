package reactor.ffi.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.Disposable;
import reactor.core.Scannable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.SchedulerOptions;
import reactor.ffi.internal.life.Tokens;
import reactor.test.StepVerifier;

@Timeout(30)
class LoopSchedulerTest {

    private final LoopScheduler scheduler = LoopScheduler.create(SchedulerOptions.named("loop-test"));

    @AfterEach
    void dispose() {
        scheduler.dispose();
        scheduler.disposeGracefully().block(Duration.ofSeconds(10));
    }

    /** Runs it on the scheduler and waits for it. */
    static void on(Scheduler scheduler, Runnable task) throws InterruptedException {
        CountDownLatch ran = new CountDownLatch(1);
        AtomicReference<Throwable> error = new AtomicReference<>();
        scheduler.schedule(() -> {
            try {
                task.run();
            } catch (Throwable e) {
                error.set(e);
            }
            ran.countDown();
        });
        ran.await();
        assertThat(error.get()).isNull();
    }

    @Nested
    class ItsThread {

        @Test
        void isADaemonWithTheNameOfTheOptionsThatRefusesToBlock() throws Exception {
            on(scheduler, () -> {
                Thread thread = Thread.currentThread();
                assertThat(thread.getName()).isEqualTo("loop-test");
                assertThat(thread.isDaemon()).isTrue();
                assertThat(thread).isSameAs(scheduler.thread());
                assertThat(Schedulers.isInNonBlockingThread()).isTrue();
                assertThatIllegalStateException()
                        .isThrownBy(() -> Mono.delay(Duration.ofSeconds(1)).block());
            });
        }

        @Test
        void startsWithTheFirstWork() throws Exception {
            Scheduler.Worker worker = scheduler.createWorker();
            scheduler.init();
            assertThat(scheduler.thread().getState()).isEqualTo(Thread.State.NEW);
            CountDownLatch ran = new CountDownLatch(1);
            worker.schedule(ran::countDown);
            ran.await();
            assertThat(scheduler.thread().isAlive()).isTrue();
        }

        @Test
        void hasTheClassLoaderOfWhoeverMadeTheScheduler() throws Exception {
            ClassLoader mine = Thread.currentThread().getContextClassLoader();
            Thread other = new Thread(() -> scheduler.schedule(() -> {}));
            other.setContextClassLoader(null);
            other.start();
            other.join();
            on(
                    scheduler,
                    () -> assertThat(Thread.currentThread().getContextClassLoader())
                            .isSameAs(mine));
        }

        @Test
        void sleepsThoughItsInterruptFlagWasSet() throws Exception {
            on(scheduler, () -> Thread.currentThread().interrupt());
            await().until(() -> scheduler.thread().getState() == Thread.State.WAITING);
            on(
                    scheduler,
                    () -> assertThat(Thread.currentThread().isInterrupted()).isFalse());
        }

        @Test
        void survivesEverythingThatATaskThrows() throws Exception {
            List<Throwable> seen = new CopyOnWriteArrayList<>();
            Schedulers.onHandleError("survives", (thread, error) -> seen.add(error));
            List<Throwable> thrown = List.of(
                    new IllegalStateException("boom"),
                    new Error("boom"),
                    new OutOfMemoryError("boom"),
                    new NoClassDefFoundError("boom"));
            try {
                on(scheduler, () -> scheduler.thread().setUncaughtExceptionHandler((thread, error) -> {}));
                for (Throwable error : thrown) {
                    scheduler.schedule(() -> LoopSchedulerTest.<RuntimeException>sneak(error));
                }
                scheduler.schedule(LoopSchedulerTest::overflow);
                on(scheduler, () -> {});
            } finally {
                Schedulers.resetOnHandleError("survives");
            }
            assertThat(seen).hasSize(5).startsWith(thrown.toArray(Throwable[]::new));
            assertThat(seen.get(4)).isInstanceOf(StackOverflowError.class);
        }

        @Test
        void survivesAHandlerOfErrorsThatThrows() throws Exception {
            on(
                    scheduler,
                    () -> scheduler.thread().setUncaughtExceptionHandler((thread, error) -> {
                        throw new IllegalStateException("the handler");
                    }));
            scheduler.schedule(() -> {
                throw new IllegalStateException("the task");
            });
            on(scheduler, () -> {});
        }
    }

    @SuppressWarnings({"unchecked", "DoNotCallSuggester"})
    static <E extends Throwable> void sneak(Throwable error) throws E {
        throw (E) error;
    }

    @SuppressWarnings("InfiniteRecursion")
    static void overflow() {
        overflow();
    }

    @Nested
    class ErrorsOfTasks {

        @Test
        void goToTheThreadsHandlerThenToReactorsHook() throws Exception {
            List<String> order = new CopyOnWriteArrayList<>();
            Schedulers.onHandleError("order", (thread, error) -> order.add("hook " + error.getMessage()));
            try {
                on(
                        scheduler,
                        () -> scheduler
                                .thread()
                                .setUncaughtExceptionHandler(
                                        (thread, error) -> order.add("handler " + error.getMessage())));
                scheduler.schedule(() -> {
                    throw new IllegalStateException("boom");
                });
                on(scheduler, () -> {});
            } finally {
                Schedulers.resetOnHandleError("order");
            }
            assertThat(order).containsExactly("handler boom", "hook boom");
        }

        @Test
        void areReportedWithoutAnotherRunOfTheOnScheduleHook() throws Exception {
            Errors.report(new IllegalStateException("loads the class before the hook is set"));
            AtomicInteger decorated = new AtomicInteger();
            Schedulers.onScheduleHook("count", task -> {
                decorated.incrementAndGet();
                return task;
            });
            try {
                scheduler.schedule(() -> {
                    throw new IllegalStateException("expected in the log");
                });
                on(scheduler, () -> {});
            } finally {
                Schedulers.resetOnScheduleHook("count");
            }
            assertThat(decorated).hasValue(2);
        }
    }

    static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    @Nested
    class Dispose {

        @Test
        void refusesNewTasks() {
            scheduler.dispose();
            assertThat(scheduler.isDisposed()).isTrue();
            assertThatThrownBy(() -> scheduler.schedule(() -> {}))
                    .isInstanceOf(RejectedExecutionException.class)
                    .hasMessageContaining("loop-test");
            assertThatThrownBy(() -> scheduler.schedule(() -> {}, 1, TimeUnit.SECONDS))
                    .isInstanceOf(RejectedExecutionException.class);
            assertThatThrownBy(() -> scheduler.schedulePeriodically(() -> {}, 1, 1, TimeUnit.SECONDS))
                    .isInstanceOf(RejectedExecutionException.class);
            assertThatIllegalStateException().isThrownBy(scheduler::init);
        }

        @Test
        void dropsWhatIsQueuedButRunsTheLibrarysOwnWork() throws Exception {
            CountDownLatch blocked = new CountDownLatch(1);
            scheduler.schedule(() -> awaitQuietly(blocked));
            AtomicBoolean users = new AtomicBoolean();
            AtomicBoolean ours = new AtomicBoolean();
            Disposable task = scheduler.schedule(() -> users.set(true));
            Disposable delayed = scheduler.schedule(() -> users.set(true), 1, TimeUnit.HOURS);
            assertThat(scheduler.execute(() -> ours.set(true))).isTrue();
            scheduler.dispose();
            blocked.countDown();
            scheduler.thread().join();
            assertThat(users).isFalse();
            assertThat(ours).isTrue();
            assertThat(task.isDisposed()).isTrue();
            assertThat(delayed.isDisposed()).isTrue();
            assertThat(scheduler.execute(() -> {})).isFalse();
        }

        @Test
        void gracefullyRunsWhatIsQueued() throws Exception {
            CountDownLatch blocked = new CountDownLatch(1);
            scheduler.schedule(() -> awaitQuietly(blocked));
            AtomicBoolean queued = new AtomicBoolean();
            AtomicBoolean delayed = new AtomicBoolean();
            scheduler.schedule(() -> queued.set(true));
            scheduler.schedule(() -> delayed.set(true), 1, TimeUnit.MILLISECONDS);
            Mono<Void> end = scheduler.disposeGracefully();
            assertThat(scheduler.isDisposed()).as("it is lazy").isFalse();
            StepVerifier.create(end.timeout(Duration.ofMillis(50))).verifyError(TimeoutException.class);
            assertThat(scheduler.isDisposed()).isTrue();
            blocked.countDown();
            StepVerifier.create(end.timeout(Duration.ofSeconds(10))).verifyComplete();
            assertThat(scheduler.thread().isAlive()).isFalse();
            assertThat(queued).isTrue();
            assertThat(delayed).isFalse();
        }

        @Test
        void gracefullyCompletesThoughTheThreadNeverStarted() {
            StepVerifier.create(scheduler.disposeGracefully()).verifyComplete();
            StepVerifier.create(scheduler.disposeGracefully()).verifyComplete();
            assertThat(scheduler.thread().getState()).isEqualTo(Thread.State.NEW);
        }

        @Test
        void endsTheThreadOnlyWhenAllSourcesAreGone() throws Exception {
            AtomicReference<Throwable> cause = new AtomicReference<>();
            TestSource source = new TestSource(scheduler) {
                @Override
                protected void end(Throwable e) {
                    assertThat(scheduler.isOwnTurn()).isTrue();
                    cause.set(e);
                }
            };
            assertThat(scheduler.attach(source)).isTrue();
            scheduler.dispose();
            await().until(() -> cause.get() != null);
            assertThat(cause.get()).isInstanceOf(RejectedExecutionException.class);
            await().until(() -> scheduler.thread().getState() == Thread.State.WAITING);
            source.offer("late");
            await().until(() -> source.drained.get() == 1);
            assertThat(scheduler.attach(new TestSource(scheduler))).isFalse();
            scheduler.detach(source);
            scheduler.thread().join(10_000);
            assertThat(scheduler.thread().isAlive()).isFalse();
        }

        @Test
        void dropsWhatIsDelayedAlthoughASourceStillUnregisters() throws Exception {
            TestSource source = new TestSource(scheduler);
            assertThat(scheduler.attach(source)).isTrue();
            AtomicBoolean ran = new AtomicBoolean();
            Disposable delayed = scheduler.schedule(() -> ran.set(true), 300, TimeUnit.MILLISECONDS);
            on(scheduler, () -> {}); // it is among the timers now
            scheduler.dispose();
            await().until(delayed::isDisposed);
            await().during(Duration.ofMillis(500)).untilFalse(ran);
            scheduler.detach(source);
            scheduler.disposeGracefully().block(Duration.ofSeconds(10));
        }

        @Test
        void againstScheduleEveryTaskRunsOrIsDisposedOrRefused() throws Exception {
            for (int round = 0; round < 300; round++) {
                LoopScheduler one = LoopScheduler.create(SchedulerOptions.named("race"));
                AtomicInteger ran = new AtomicInteger();
                List<Disposable> accepted = new ArrayList<>();
                Thread submitter = new Thread(() -> {
                    try {
                        for (int i = 0; i < 200; i++) {
                            accepted.add(one.schedule(ran::incrementAndGet));
                        }
                    } catch (RejectedExecutionException _) {
                        // as it should
                    }
                });
                submitter.start();
                for (int i = 0; i < round; i++) {
                    Thread.onSpinWait();
                }
                boolean drop = round % 2 == 0;
                if (drop) {
                    one.dispose();
                }
                one.disposeGracefully().block(Duration.ofSeconds(10));
                submitter.join();
                assertThat(accepted).allMatch(Disposable::isDisposed);
                if (!drop) {
                    assertThat(ran).hasValue(accepted.size());
                }
            }
        }

        @Test
        void ofTheSharedSchedulerDoesNothing() throws Exception {
            CallbackScheduler shared = CallbackScheduler.shared();
            shared.dispose();
            shared.close();
            shared.disposeGracefully().block(Duration.ofSeconds(1));
            assertThat(shared.isDisposed()).isFalse();
            on(shared, () -> {});
            assertThat(shared).isSameAs(CallbackScheduler.shared());
        }
    }

    /** The last step of the end comes between the two looks of an offer: the thread's start stands in for it. */
    @Test
    void aTaskThatIsOfferedWhileTheThreadEndsIsRefused() {
        Lifecycle lifecycle = new Lifecycle();
        Thread ends = new Thread() {
            @Override
            public void start() {
                lifecycle.terminate();
            }
        };
        Idle idle = new Idle(ends, 0);
        Loop loop = new Loop(idle, new Turn(ends, idle), lifecycle);
        LoopTask task = new LoopTask(loop.timers(), () -> {}, null, true, LoopTask.ONCE);
        assertThat(loop.offer(task)).isFalse();
        assertThat(task.isDisposed()).isTrue();
    }

    @Test
    void isScannable() throws Exception {
        CallbackScheduler named = CallbackScheduler.create("scan");
        Scannable scan = Scannable.from(named);
        assertThat(named).hasToString("CallbackScheduler(scan)");
        assertThat(scan.scan(Scannable.Attr.NAME)).isEqualTo("CallbackScheduler(scan)");
        assertThat(scan.scan(Scannable.Attr.TERMINATED)).isFalse();
        CountDownLatch blocked = new CountDownLatch(1);
        CountDownLatch begun = new CountDownLatch(1);
        named.schedule(() -> {
            begun.countDown();
            awaitQuietly(blocked);
        });
        begun.await();
        named.schedule(() -> {});
        assertThat(scan.scan(Scannable.Attr.BUFFERED)).isEqualTo(1);
        Scannable worker = Scannable.from(named.createWorker());
        assertThat(worker.scan(Scannable.Attr.PARENT)).isSameAs(named);
        blocked.countDown();
        named.dispose();
        assertThat(scan.scan(Scannable.Attr.TERMINATED)).isTrue();
        assertThat(scan.scan(Scannable.Attr.CANCELLED)).isTrue();
    }

    @Test
    void carriesReactorsOperators() {
        StepVerifier.create(Flux.range(1, 10_000)
                        .publishOn(scheduler)
                        .doOnNext(i -> assertThat(scheduler.isCurrent()).isTrue())
                        .subscribeOn(scheduler)
                        .count())
                .expectNext(10_000L)
                .verifyComplete();
        StepVerifier.create(Flux.interval(Duration.ofMillis(5), scheduler).take(3))
                .expectNext(0L, 1L, 2L)
                .verifyComplete();
    }

    @Test
    void optionsRefuseWhatMakesNoSense() {
        SchedulerOptions options = SchedulerOptions.named("x");
        assertThatIllegalArgumentException().isThrownBy(() -> SchedulerOptions.named(" "));
        assertThatIllegalArgumentException().isThrownBy(() -> options.spin(Duration.ofMillis(11)));
        assertThatIllegalArgumentException().isThrownBy(() -> options.warnAfter(Duration.ZERO));
        assertThatIllegalArgumentException().isThrownBy(() -> options.maxCallers(0));
        assertThatCode(() -> options.spin(Duration.ZERO)).doesNotThrowAnyException();
        assertThat(options.maxCallers(7).spin(Duration.ofNanos(5)).maxCallers()).isEqualTo(7);
    }

    @Test
    void refsAreCountedAndFloorAtZero() {
        long before = Tokens.out();
        assertThat(scheduler.unref()).isZero();
        assertThat(scheduler.ref()).isEqualTo(1);
        assertThat(scheduler.ref()).isEqualTo(2);
        assertThat(Tokens.out()).isEqualTo(before + 1);
        assertThat(scheduler.unref()).isEqualTo(1);
        assertThat(scheduler.refCount()).isEqualTo(1);
        assertThat(scheduler.unref()).isZero();
        assertThat(scheduler.unref()).isZero();
        assertThat(Tokens.out()).isEqualTo(before);
        assertThat(scheduler.ref()).as("ref after zero counts again").isEqualTo(1);
        assertThat(Tokens.out()).isEqualTo(before + 1);
        scheduler.unref();
    }
}
