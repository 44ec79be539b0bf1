package reactor.ffi.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.ffi.SchedulerOptions;

/**
 * Calls from four threads, lends of the scheduler, lends of borrowers two deep: never two inside, nobody left out.
 */
@Timeout(60)
class TurnStressTest {

    private static final long LIMIT = TimeUnit.SECONDS.toNanos(20);
    private static final long RUN = TimeUnit.SECONDS.toNanos(4);

    private final LoopScheduler scheduler = LoopScheduler.create(SchedulerOptions.named("lend"));
    private final AtomicLong overlaps = new AtomicLong();
    private final AtomicLong unanswered = new AtomicLong();
    private final AtomicLong runs = new AtomicLong();

    /** Written under the turn only. */
    private int serial;

    private volatile boolean inside;
    private volatile boolean stop;

    private boolean answer(int depth) {
        boolean answered = scheduler
                .callers()
                .call(
                        new TurnCall() {
                            @Override
                            protected void run() {
                                handler(depth);
                            }
                        },
                        LIMIT,
                        true);
        if (!answered) {
            unanswered.incrementAndGet();
        }
        return answered;
    }

    private void enter() {
        if (inside || !scheduler.isCurrent()) {
            overlaps.incrementAndGet();
        }
        inside = true;
        int n = serial;
        for (int i = 0; i < 20; i++) {
            Thread.onSpinWait();
        }
        serial = n + 1;
        runs.incrementAndGet();
        inside = false;
    }

    private void handler(int depth) {
        enter();
        if (depth > 0) {
            Thread thread = new Thread(() -> answer(depth - 1));
            scheduler.runBlocking(() -> {
                thread.start();
                if (depth % 2 == 0) {
                    answer(0); // a callback on the stack of the lend
                }
                thread.join();
            });
            enter();
        }
    }

    @Test
    void neverTwoInsideAndNobodyLeftOut() throws Exception {
        List<Thread> threads = new ArrayList<>();
        AtomicInteger calls = new AtomicInteger();
        for (int i = 0; i < 4; i++) {
            int seed = i;
            Thread thread = new Thread(() -> {
                SplittableRandom random = new SplittableRandom(seed);
                while (!stop) {
                    answer(random.nextInt(40) == 0 ? 2 : 0);
                    calls.incrementAndGet();
                }
            });
            threads.add(thread);
            thread.start();
        }
        long end = System.nanoTime() + RUN;
        int lends = 0;
        while (System.nanoTime() < end) {
            CountDownLatch done = new CountDownLatch(1);
            scheduler.schedule(() -> {
                scheduler.runBlocking(() -> {
                    Thread thread = new Thread(() -> {
                        for (int i = 0; i < 5; i++) {
                            answer(1);
                        }
                    });
                    thread.start();
                    thread.join();
                });
                enter();
                done.countDown();
            });
            assertThat(done.await(25, TimeUnit.SECONDS))
                    .as("lend %d ends", lends)
                    .isTrue();
            lends++;
        }
        stop = true;
        for (Thread thread : threads) {
            thread.join();
        }
        scheduler.disposeGracefully().block(Duration.ofSeconds(10));
        assertThat(overlaps).hasValue(0);
        assertThat(unanswered).hasValue(0);
        assertThat((long) serial).isEqualTo(runs.get());
        assertThat(lends).isGreaterThan(20);
        assertThat(calls).hasValueGreaterThan(1_000);
    }
}
