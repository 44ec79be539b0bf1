package reactor.ffi.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.ffi.SchedulerOptions;

/** Work that arrives while the thread is going to sleep, or a source is becoming idle, is never missed. */
@Timeout(60)
class LoopWakingTest {

    private static final int THREADS = 4;

    private LoopScheduler scheduler;

    private void create(long spinNanos) {
        scheduler = LoopScheduler.create(SchedulerOptions.named("waking").spin(Duration.ofNanos(spinNanos)));
    }

    @AfterEach
    void dispose() {
        scheduler.disposeGracefully().block(Duration.ofSeconds(10));
    }

    private static void pause(SplittableRandom random) {
        int kind = random.nextInt(1_000);
        if (kind < 2) {
            LockSupport.parkNanos(random.nextInt(100_000)); // longer than the thread looks: it sleeps
        } else if (kind < 100) {
            for (int i = random.nextInt(2_000); i > 0; i--) {
                Thread.onSpinWait();
            }
        }
    }

    private static void inThreads(IntConsumer body) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            int n = i;
            Thread thread = new Thread(() -> body.accept(n));
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 5_000, 50_000})
    void aMillionTasksFromFourThreadsAllRunInTheOrderOfTheirThread(long spin) throws Exception {
        create(spin);
        int each = 1_000_000 / 3 / THREADS;
        int[] last = new int[THREADS];
        AtomicInteger disorder = new AtomicInteger();
        inThreads(thread -> {
            SplittableRandom random = new SplittableRandom(thread);
            for (int i = 1; i <= each; i++) {
                int n = i;
                scheduler.schedule(() -> {
                    if (last[thread] != n - 1) {
                        disorder.incrementAndGet();
                    }
                    last[thread] = n;
                });
                pause(random);
            }
        });
        scheduler.disposeGracefully().block(Duration.ofSeconds(10));
        assertThat(last).containsOnly(each);
        assertThat(disorder).hasValue(0);
        assertThat(scheduler.loop().wakeUps()).as("it did sleep").isPositive();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 2_000, 50_000})
    void aTaskThatArrivesWhileTheThreadIsParkingIsNotMissed(long spin) throws Exception {
        create(spin);
        SplittableRandom random = new SplittableRandom(42);
        AtomicInteger ran = new AtomicInteger();
        for (int i = 1; i <= 20_000; i++) {
            scheduler.schedule(ran::incrementAndGet);
            awaitSpinning(ran, i);
            for (int k = random.nextInt(300); k > 0; k--) {
                Thread.onSpinWait();
            }
        }
    }

    /** The last event before the thread sleeps is the one that nobody after it makes good. */
    @ParameterizedTest
    @ValueSource(longs = {0, 2_000, 50_000})
    void aSignalThatArrivesWhileTheThreadIsParkingIsNotMissed(long spin) {
        create(spin);
        TestSource source = new TestSource(scheduler);
        scheduler.attach(source);
        SplittableRandom random = new SplittableRandom(42);
        for (int i = 1; i <= 50_000; i++) {
            source.offer(i);
            awaitSpinning(source.drained, i);
            for (int k = random.nextInt(random.nextBoolean() ? 8 : 200); k > 0; k--) {
                Thread.onSpinWait();
            }
        }
        scheduler.detach(source);
    }

    private static void awaitSpinning(Number count, int value) {
        long end = System.nanoTime() + 10_000_000_000L;
        while (count.longValue() != value) {
            assertThat(System.nanoTime() - end).as("round %d was missed", value).isNegative();
            Thread.onSpinWait();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 50_000})
    void aSignalThatArrivesWhileASourceBecomesIdleIsNotMissed(long spin) throws Exception {
        create(spin);
        TestSource[] sources = new TestSource[16];
        for (int i = 0; i < sources.length; i++) {
            sources[i] = new TestSource(scheduler);
            scheduler.attach(sources[i]);
        }
        int each = 100_000;
        inThreads(thread -> {
            SplittableRandom random = new SplittableRandom(thread);
            for (int i = 0; i < each; i++) {
                sources[random.nextInt(sources.length)].offer(thread);
                pause(random);
            }
        });
        await().untilAsserted(() -> {
            long sum = 0;
            for (TestSource source : sources) {
                sum += source.drained.get();
            }
            assertThat(sum).isEqualTo((long) each * THREADS);
        });
        for (TestSource source : sources) {
            scheduler.detach(source);
        }
    }

    @Test
    void aBusySourceKeepsOthersThatSleepFromNothing() {
        create(50_000);
        TestSource busy = new TestSource(scheduler) {
            @Override
            protected boolean drain(int budget) {
                super.drain(budget);
                return drained.get() < Long.MAX_VALUE;
            }
        };
        TestSource rare = new TestSource(scheduler);
        scheduler.attach(busy);
        scheduler.attach(rare);
        busy.offer("starts it");
        for (int i = 1; i <= 1_000; i++) {
            rare.offer(i);
            long n = i;
            long end = System.nanoTime() + 10_000_000_000L;
            while (rare.drained.get() != n) {
                assertThat(System.nanoTime() - end).as("item %d", i).isNegative();
                Thread.onSpinWait();
            }
            LockSupport.parkNanos(i % 10 == 0 ? 20_000 : 1); // long enough to become idle in a busy loop
        }
        busy.drained.set(Long.MAX_VALUE);
        scheduler.detach(busy);
        scheduler.detach(rare);
    }

    @Test
    void aSourceThatThrowsDoesNotEndTheThread() {
        create(0);
        AtomicInteger drains = new AtomicInteger();
        TestSource source = new TestSource(scheduler) {
            @Override
            protected boolean drain(int budget) {
                if (drains.incrementAndGet() < 3) {
                    throw new StackOverflowError("expected in the log");
                }
                return super.drain(budget);
            }
        };
        scheduler.attach(source);
        source.offer("one");
        await().until(() -> source.drained.get() == 1);
        scheduler.detach(source);
    }

    @Test
    void oneBurstCostsOneWakeUp() {
        create(10_000_000);
        TestSource source = new TestSource(scheduler);
        scheduler.attach(source);
        source.offer("starts the thread");
        await().until(() -> scheduler.thread().getState() == Thread.State.WAITING);
        long before = scheduler.loop().wakeUps();
        for (int i = 0; i < 10_000; i++) {
            source.offer(i);
        }
        await().until(() -> source.drained.get() == 10_001);
        assertThat(scheduler.loop().wakeUps() - before).isLessThanOrEqualTo(5);
        scheduler.detach(source);
    }
}
