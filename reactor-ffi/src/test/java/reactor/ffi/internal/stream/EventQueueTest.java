package reactor.ffi.internal.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.internal.stream.EventQueue.CLOSED;
import static reactor.ffi.internal.stream.EventQueue.EVICTED;
import static reactor.ffi.internal.stream.EventQueue.FULL;
import static reactor.ffi.internal.stream.EventQueue.OFFERED;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@SuppressWarnings("ThreadPriorityCheck") // more threads than processors: who finds nothing to do lets the others run
class EventQueueTest {

    private static final int PRODUCERS = 4;
    private static final int CHUNK = 256;

    private final EventQueue<Long> queue = new EventQueue<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    @AfterEach
    void end() throws InterruptedException {
        threads.shutdownNow();
        assertThat(threads.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, CHUNK - 1, CHUNK, CHUNK + 1, 8192})
    void theLimitIsExact(int limit) {
        for (int round = 0; round < 3; round++) {
            for (long i = 0; i < limit; i++) {
                assertThat(queue.offer(i, limit)).isEqualTo(OFFERED);
            }
            assertThat(queue.offer(-1L, limit)).isEqualTo(FULL);
            assertThat(queue.size()).isEqualTo(limit);
            assertThat(queue.poll()).isZero();
            assertThat(queue.offer((long) limit, limit)).isEqualTo(OFFERED);
            assertThat(queue.offer(-1L, limit)).isEqualTo(FULL);
            for (long i = 1; i <= limit; i++) {
                assertThat(queue.poll()).isEqualTo(i);
            }
            assertThat(queue.poll()).isNull();
            assertThat(queue.isEmpty()).isTrue();
        }
    }

    @Test
    void anOfferWithAHigherLimitGoesBehindTheOthers() {
        assertThat(queue.offer(1L, 1)).isEqualTo(OFFERED);
        assertThat(queue.offer(2L, 3)).isEqualTo(OFFERED);
        assertThat(queue.offer(3L, 1)).isEqualTo(FULL);
        assertThat(queue.poll()).isEqualTo(1);
        assertThat(queue.offer(3L, 1)).as("one is in the reserve").isEqualTo(FULL);
        assertThat(queue.poll()).isEqualTo(2);
        assertThat(queue.offer(3L, 1)).isEqualTo(OFFERED);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, CHUNK, 3 * CHUNK + 1})
    void orderHoldsOverTheBoundariesOfChunks(int burst) {
        long offered = 0;
        long polled = 0;
        while (polled < 20 * CHUNK) {
            for (int i = 0; i < burst; i++) {
                assertThat(queue.offer(offered++, Long.MAX_VALUE)).isEqualTo(OFFERED);
            }
            for (int i = 0; i < Math.max(1, burst - 1); i++) {
                assertThat(queue.poll()).isEqualTo(polled++);
            }
        }
        assertThat(queue.size()).isEqualTo(offered - polled);
    }

    @Test
    void afterCloseNothingIsTakenAndNothingIsLost() {
        queue.offer(1L, 8);
        queue.offer(2L, 8);
        queue.close();
        queue.close();
        assertThat(queue.offer(3L, 8)).isEqualTo(CLOSED);
        assertThat(queue.size()).isEqualTo(2);
        assertThat(queue.poll()).isEqualTo(1);
        assertThat(queue.poll()).isEqualTo(2);
        assertThat(queue.poll()).isNull();
        assertThat(queue.isEmpty()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 5, 300, 8192, Long.MAX_VALUE})
    void manyProducersLoseNothingKeepTheirOrderAndNeverExceedTheLimit(long limit) throws Exception {
        int each = limit < 10 ? 20_000 : 200_000;
        List<Future<?>> producers = new ArrayList<>();
        for (int p = 0; p < PRODUCERS; p++) {
            long producer = p;
            producers.add(threads.submit(() -> {
                for (int i = 0; i < each; i++) {
                    offerUntilTaken(producer << 32 | i, limit);
                }
            }));
        }
        long[] next = new long[PRODUCERS];
        long most = 0;
        for (long taken = 0; taken < (long) PRODUCERS * each; ) {
            most = Math.max(most, queue.size());
            Long value = queue.poll();
            if (value == null) {
                Thread.yield();
                continue;
            }
            assertThat(value & 0xFFFF_FFFFL).isEqualTo(next[(int) (value >>> 32)]++);
            taken++;
        }
        for (Future<?> producer : producers) {
            producer.get();
        }
        assertThat(most).isLessThanOrEqualTo(limit);
        assertThat(queue.isEmpty()).isTrue();
    }

    private void offerUntilTaken(long value, long limit) {
        while (queue.offer(value, limit) == FULL) {
            Thread.yield();
        }
    }

    /** The race of a producer's claim with the close. */
    @RepeatedTest(200)
    void whatWasOfferedBeforeACloseIsThereAndNothingElse() throws Exception {
        AtomicLong offered = new AtomicLong();
        List<Future<?>> producers = new ArrayList<>();
        for (int p = 0; p < PRODUCERS; p++) {
            producers.add(threads.submit(() -> {
                while (true) {
                    int outcome = queue.offer(1L, 100_000);
                    if (outcome == CLOSED) {
                        return;
                    }
                    offered.addAndGet(outcome == OFFERED ? 1 : 0);
                }
            }));
        }
        while (queue.size() < 1_000) {
            Thread.onSpinWait();
        }
        queue.close();
        long taken = drain(queue::poll);
        for (Future<?> producer : producers) {
            producer.get();
        }
        assertThat(taken).isEqualTo(offered.get());
        assertThat(queue.poll()).isNull();
    }

    /** Claimed and not yet written counts. */
    private long drain(Supplier<Long> poll) {
        long taken = 0;
        while (!queue.isEmpty()) {
            if (poll.get() != null) {
                taken++;
            }
        }
        return taken;
    }

    /** As a thread that was preempted after its claim: the position is claimed, and nothing is there. */
    private static void claimWithoutWriting(EventQueue<Long> queue) {
        int index = (int) queue.everClaimed() % CHUNK;
        assertThat(queue.offer(-1L, Long.MAX_VALUE)).isEqualTo(OFFERED);
        queue.producerChunk.items[index] = null;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, CHUNK, CHUNK + 1})
    void evictionWaitsForNoValueThatIsNotWritten(int limit) {
        EventQueue<Long> evicting = new EventQueue<>(true);
        for (int round = 0; round < 3; round++) {
            for (long i = 0; i < limit; i++) {
                claimWithoutWriting(evicting);
            }
            for (long i = 0; i < limit; i++) {
                assertThat(evicting.offer(i, limit)).isEqualTo(FULL);
                assertThat(evicting.evict(limit)).isNull();
                assertThat(evicting.offer(i, limit)).isEqualTo(OFFERED);
            }
            for (long i = 0; i < limit; i++) {
                assertThat(evicting.poll()).isEqualTo(i);
            }
            assertThat(evicting.isEmpty()).isTrue();
        }
    }

    @Test
    void aProducerWhosePlaceWasEvictedBeforeItWroteKeepsItsValue() throws Exception {
        EventQueue<Long> evicting = new EventQueue<>(true);
        evicting.offer(0L, 2);
        Object[] items = evicting.consumerChunk.items;
        claimWithoutWriting(evicting);
        assertThat(evicting.evict(2)).isZero();
        assertThat(evicting.offer(2L, 2)).isEqualTo(OFFERED);
        assertThat(evicting.evict(2)).as("the place of what is not written").isNull();
        assertThat(evicting.offer(3L, 2)).isEqualTo(OFFERED);
        assertThat(items[1]).as("its producer finds that").isNotNull();
        assertThat(evicting.poll()).isEqualTo(2);
        assertThat(evicting.poll()).isEqualTo(3);
    }

    @Test
    void nothingIsEvictedWhereThereIsRoom() {
        EventQueue<Long> evicting = new EventQueue<>(true);
        assertThat(evicting.evict(1)).isNull();
        evicting.offer(1L, 2);
        assertThat(evicting.evict(2)).isNull();
        assertThat(evicting.poll()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 300, 8192})
    void whatIsEvictedIsNotPolledAndNothingIsLost(long limit) throws Exception {
        int each = 100_000;
        EventQueue<Long> evicting = new EventQueue<>(true);
        LongAdder evicted = new LongAdder();
        List<Future<?>> producers = new ArrayList<>();
        for (int p = 0; p < PRODUCERS; p++) {
            long producer = p;
            producers.add(threads.submit(() -> {
                for (int i = 0; i < each; i++) {
                    evicted.add(offerAndEvict(evicting, producer << 32 | i, limit));
                }
            }));
        }
        AtomicBoolean over = new AtomicBoolean();
        Future<Long> consumer = threads.submit(() -> {
            long[] last = new long[PRODUCERS];
            Arrays.fill(last, -1);
            for (long taken = 0; ; ) {
                boolean end = over.get();
                Long value = evicting.poll();
                if (value != null) {
                    int producer = (int) (value >>> 32);
                    assertThat(value & 0xFFFF_FFFFL).isGreaterThan(last[producer]);
                    last[producer] = value & 0xFFFF_FFFFL;
                    taken++;
                } else if (end) {
                    return taken;
                } else {
                    Thread.yield();
                }
            }
        });
        for (Future<?> producer : producers) {
            producer.get();
        }
        over.set(true);
        assertThat(consumer.get() + evicted.sum()).isEqualTo((long) PRODUCERS * each);
        assertThat(evicting.isEmpty()).isTrue();
    }

    /** How many values have gone. */
    private static int offerAndEvict(EventQueue<Long> queue, long value, long limit) {
        int gone = 0;
        while (true) {
            int outcome = queue.offer(value, limit);
            if (outcome != FULL) {
                return outcome == EVICTED ? gone + 1 : gone;
            }
            gone += queue.evict(limit) == null ? 0 : 1;
        }
    }
}
