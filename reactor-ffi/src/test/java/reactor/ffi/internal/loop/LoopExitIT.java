package reactor.ffi.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.SchedulerOptions;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.internal.life.AtExit;

/** What holds the JVM up, what happens when it ends, and what it costs to wait: each in a JVM of its own. */
class LoopExitIT {

    static LoopScheduler scheduler() {
        return LoopScheduler.create(SchedulerOptions.named("exit").warnAfter(Duration.ofHours(1)));
    }

    static TestSource attach(LoopScheduler scheduler, String name, Runnable exit) {
        TestSource source = new TestSource(scheduler) {
            @Override
            protected void exit() {
                exit.run();
                System.out.println(name + " unregistered, current " + scheduler.isCurrent());
                scheduler.detach(this);
            }

            @Override
            public String toString() {
                return name;
            }
        };
        if (!scheduler.attach(source)) {
            throw new AssertionError("refused");
        }
        return source;
    }

    /** An unregister that never ends. */
    static void hang() {
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    @Nested
    class KeepingTheJvmAlive {

        @Test
        void aSchedulerAloneDoesNot() {
            ForkedJvm.run(Unreferenced.class).assertExitedCleanly().assertOut("task");
        }

        @Test
        void aRefHoldsItUpUntilTheLastUnref() {
            ForkedJvm.run(Referenced.class).assertExitedCleanly().assertOut("main ends", "still here", "lingered");
        }

        @Test
        void aRefThatComesDuringTheGraceOrTheLingeringIsNotMissed() {
            var result = ForkedJvm.run(Again.class).assertExitedCleanly();
            assertThat(result.out().lines()).containsExactly("in the grace", "while lingering", "at last");
        }
    }

    static final class Unreferenced {
        public static void main(String[] args) throws Exception {
            CountDownLatch ran = new CountDownLatch(1);
            CallbackScheduler.shared().schedule(() -> {
                System.out.println("task");
                ran.countDown();
            });
            ran.await();
        }
    }

    static final class Referenced {
        public static void main(String[] args) {
            AtExit.linger(() -> System.out.println("lingered"));
            CallbackScheduler scheduler = CallbackScheduler.create("ref");
            scheduler.ref();
            scheduler.ref();
            scheduler.schedule(
                    () -> {
                        scheduler.unref();
                        scheduler.schedule(
                                () -> {
                                    System.out.println("still here");
                                    scheduler.unref();
                                },
                                300,
                                TimeUnit.MILLISECONDS);
                    },
                    300,
                    TimeUnit.MILLISECONDS);
            System.out.println("main ends");
        }
    }

    static final class Again {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("again");
            boolean[] lingered = new boolean[1];
            AtExit.linger(() -> {
                if (!lingered[0]) {
                    lingered[0] = true;
                    System.out.println("while lingering");
                    scheduler.ref();
                    scheduler.schedule(
                            () -> {
                                System.out.println("at last");
                                scheduler.unref();
                            },
                            200,
                            TimeUnit.MILLISECONDS);
                }
            });
            scheduler.ref();
            scheduler.schedule(
                    () -> {
                        scheduler.unref();
                        scheduler.schedule(
                                () -> {
                                    scheduler.ref();
                                    scheduler.schedule(
                                            () -> {
                                                System.out.println("in the grace");
                                                scheduler.unref();
                                            },
                                            200,
                                            TimeUnit.MILLISECONDS);
                                },
                                20,
                                TimeUnit.MILLISECONDS);
                    },
                    10,
                    TimeUnit.MILLISECONDS);
        }
    }

    /** Who waits for the hook's limit is told from who is slow. */
    static ForkedJvm withLongLimit(Class<?> main) {
        return ForkedJvm.of(main).jvmOptions("-Dreactor.ffi.exit.limit=30000");
    }

    @Nested
    class AtTheExitOfTheJvm {

        @Test
        void whatIsLiveIsUnregisteredOnTheSchedulersThread() {
            var result = ForkedJvm.of(ExitInMain.class).run().assertExitedWith(7);
            assertThat(result.out())
                    .contains("one unregistered, current true", "two unregistered, current true", "lingered");
        }

        @Test
        void theHookTakesTheTurnOfAThreadThatEndsTheJvmFromATask() {
            var result = withLongLimit(ExitInTask.class).run().assertExitedWith(7);
            assertThat(result.out()).contains("one unregistered, current true");
            assertThat(result.took()).isLessThan(Duration.ofSeconds(15)); // it did not wait for the limit
        }

        @Test
        void theHookTakesTheTurnOfABorrowerThatEndsTheJvm() {
            var result = withLongLimit(ExitInBorrower.class).run().assertExitedWith(7);
            assertThat(result.out()).contains("one unregistered, current true");
            assertThat(result.took()).isLessThan(Duration.ofSeconds(15));
        }

        @Test
        void theHookTakesTheTurnOfAThreadThatEndsTheJvmInsideALend() {
            var result = withLongLimit(ExitInLend.class).run().assertExitedWith(7);
            assertThat(result.out()).contains("one unregistered, current true");
            assertThat(result.took()).isLessThan(Duration.ofSeconds(15));
        }

        @Test
        void anUnregisterThatJoinsACallerIsAnswered() {
            var result = withLongLimit(ExitWithJoin.class).run().assertExitedWith(7);
            assertThat(result.out()).contains("answered", "one unregistered, current true");
            assertThat(result.took()).isLessThan(Duration.ofSeconds(15));
        }

        @Test
        void aSourceWhoseHandlerEndsTheJvmIsLeftAloneAndNamed() {
            var result = ForkedJvm.of(ExitInHandler.class).run().assertExitedWith(7);
            assertThat(result.out()).contains("other unregistered").doesNotContain("mine unregistered");
            assertThat(result.err()).contains("mine stays registered", "\"main\"");
        }

        @Test
        void whatDoesNotEndWithinTheLimitIsNamed() {
            var result = ForkedJvm.of(ExitThatHangs.class)
                    .jvmOptions("-Dreactor.ffi.exit.limit=300")
                    .run()
                    .assertExitedWith(7);
            assertThat(result.err()).contains("stuck on CallbackScheduler(exit) did not unregister");
            assertThat(result.out()).contains("free unregistered");
        }

        @Test
        void thePropertySwitchesItOff() {
            var result = ForkedJvm.of(ExitInMain.class)
                    .jvmOptions("-Dreactor.ffi.exit.limit=0")
                    .run()
                    .assertExitedWith(7);
            assertThat(result.out()).doesNotContain("unregistered");
        }

        @Test
        void aLimitThatIsNoNumberIsAnErrorBeforeAnythingKeepsTheJvmUp() {
            for (String limit : new String[] {"soon", "-1", "2s"}) {
                ForkedJvm.of(ExitInMain.class)
                        .jvmOptions("-Dreactor.ffi.exit.limit=" + limit)
                        .run()
                        .assertExitedWith(1)
                        .assertErr("system property reactor.ffi.exit.limit is '" + limit
                                + "'; it must be a number from 0 to 2147483647");
            }
        }

        @Test
        void nothingNewIsAttached() {
            ForkedJvm.of(AttachAtExit.class).run().assertExitedWith(7).assertOut("refused at exit: true");
        }
    }

    static final class ExitInMain {
        public static void main(String[] args) {
            AtExit.linger(() -> System.out.println("lingered"));
            attach(scheduler(), "one", () -> {});
            attach(scheduler(), "two", () -> {});
            System.exit(7);
        }
    }

    static final class ExitInTask {
        public static void main(String[] args) {
            LoopScheduler scheduler = scheduler();
            attach(scheduler, "one", () -> {});
            scheduler.ref();
            scheduler.schedule(() -> System.exit(7));
        }
    }

    static final class ExitInBorrower {
        public static void main(String[] args) {
            LoopScheduler scheduler = scheduler();
            attach(scheduler, "one", () -> {});
            scheduler.ref();
            scheduler.schedule(() -> scheduler.runBlocking(() -> {
                Thread thread = new Thread(() -> answer(scheduler, () -> System.exit(7)));
                thread.start();
                thread.join();
            }));
        }
    }

    static boolean answer(LoopScheduler scheduler, Runnable body) {
        return scheduler
                .callers()
                .call(
                        new TurnCall() {
                            @Override
                            protected void run() {
                                body.run();
                            }
                        },
                        TimeUnit.SECONDS.toNanos(10),
                        true);
    }

    static final class ExitInLend {
        public static void main(String[] args) {
            LoopScheduler scheduler = scheduler();
            attach(scheduler, "one", () -> {});
            scheduler.ref();
            scheduler.schedule(() -> scheduler.runBlocking(() -> System.exit(7)));
        }
    }

    static final class ExitWithJoin {
        public static void main(String[] args) {
            LoopScheduler scheduler = scheduler();
            CountDownLatch stop = new CountDownLatch(1);
            Thread nativeThread = new Thread(() -> {
                try {
                    stop.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                if (answer(scheduler, () -> {})) {
                    System.out.println("answered");
                }
            });
            nativeThread.setDaemon(true);
            nativeThread.start();
            attach(
                    scheduler,
                    "one",
                    () -> scheduler.runBlocking(() -> {
                        stop.countDown();
                        nativeThread.join();
                    }));
            scheduler.ref();
            scheduler.schedule(() -> System.exit(7));
        }
    }

    static final class ExitInHandler {
        public static void main(String[] args) {
            LoopScheduler scheduler = scheduler();
            Thread main = Thread.currentThread();
            scheduler.attach(new TestSource(scheduler) {
                @Override
                protected void exit() {
                    System.out.println("mine unregistered");
                }

                @Override
                protected boolean runsOn(Thread thread) {
                    return thread.equals(main);
                }

                @Override
                public String toString() {
                    return "mine";
                }
            });
            attach(scheduler, "other", () -> {});
            System.exit(7);
        }
    }

    static final class ExitThatHangs {
        public static void main(String[] args) {
            attach(scheduler(), "stuck", LoopExitIT::hang);
            attach(scheduler(), "free", () -> {});
            System.exit(7);
        }
    }

    static final class AttachAtExit {
        public static void main(String[] args) {
            LoopScheduler scheduler = scheduler();
            attach(
                    scheduler,
                    "one",
                    () -> System.out.println("refused at exit: " + !scheduler.attach(new TestSource(scheduler))));
            System.exit(7);
        }
    }

    @Test
    void waitingCostsNoCpu() {
        ForkedJvm.run(IdleCost.class).assertExitedCleanly().assertOut("under 10 ms: true");
    }

    static final class IdleCost {
        public static void main(String[] args) throws Exception {
            CallbackScheduler scheduler = CallbackScheduler.create("idle");
            LoopScheduler loop = (LoopScheduler) scheduler;
            TestSource source = new TestSource(loop);
            loop.attach(source);
            scheduler.ref();
            Watch.begin("never ends", Thread.currentThread(), loop.thread()).end();
            for (int i = 0; i < 1_000; i++) {
                source.offer(i);
                scheduler.schedule(() -> {});
            }
            scheduler.schedule(() -> {}, 1, TimeUnit.HOURS);
            await().until(() -> loop.thread().getState() == Thread.State.TIMED_WAITING);
            awaitQuiet();
            long before = cpu();
            Thread.sleep(5_000); // the time in which nothing happens, whose cost is measured
            long used = cpu() - before;
            System.out.println("under 10 ms: " + (used < 10_000_000) + ", " + used / 1_000 + " us");
            scheduler.unref();
        }

        /** Until the library's threads have used no CPU for half a second: before that they work off what they were given. */
        private static void awaitQuiet() {
            AtomicLong last = new AtomicLong(-1);
            await().during(Duration.ofMillis(500))
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> {
                        long now = cpu();
                        return last.getAndSet(now) == now;
                    });
        }

        private static long cpu() {
            ThreadMXBean threads = ManagementFactory.getThreadMXBean();
            long sum = 0;
            for (Thread thread : Thread.getAllStackTraces().keySet()) {
                if (thread.getName().equals("idle") || thread.getName().startsWith("reactor-ffi")) {
                    sum += threads.getThreadCpuTime(thread.threadId());
                }
            }
            return sum;
        }
    }
}
