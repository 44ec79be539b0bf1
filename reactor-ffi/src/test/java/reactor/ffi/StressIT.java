package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.reactivestreams.Subscription;
import reactor.core.Exceptions;
import reactor.core.Scannable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Hooks;
import reactor.ffi.Overflow.Policy;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Latches;
import reactor.ffi.fixture.Source;

/**
 * Eight native threads against every policy, capacity and kind of subscriber. Forbidden: a value lost that the policy keeps,
 * one delivered twice or out of its thread's order, two at a time, more queued than the capacity, one that is counted nowhere.
 */
class StressIT {

    private static final int THREADS = 8;
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int[] CAPACITIES = {1, 2, 3, 5, 8192};

    enum Pace {
        FAST,
        ONE_AT_A_TIME,
        STALLS,
        NEVER_REQUESTS
    }

    /**
     * One combination.
     *
     * @param each events of each thread
     */
    record Load(Overflow overflow, Pace pace, int each) {

        static Load of(Overflow overflow, Pace pace) {
            return new Load(overflow, pace, each(overflow, pace));
        }

        /** A million where the queue is never the bottleneck; where each event costs a wake-up, as many as take a second. */
        private static int each(Overflow overflow, Pace pace) {
            boolean waits = overflow.policy() == Policy.BLOCK;
            if (pace == Pace.FAST && overflow.capacity() >= 8192) {
                return 1_000_000;
            }
            if (overflow.capacity() >= 8192) {
                return waits || pace == Pace.ONE_AT_A_TIME ? 20_000 : 100_000;
            }
            return waits ? 2_500 : 50_000;
        }

        Policy policy() {
            return overflow.policy();
        }

        boolean keepsAll() {
            return policy() == Policy.BLOCK || policy() == Policy.UNBOUNDED;
        }

        long total() {
            return (long) THREADS * each;
        }

        @Override
        public String toString() {
            return overflow + " " + pace + " 8 x " + each;
        }
    }

    static Stream<Load> loads() {
        return Arrays.stream(Pace.values())
                .flatMap(pace -> Stream.concat(
                                Arrays.stream(CAPACITIES)
                                        .boxed()
                                        .flatMap(capacity -> Stream.of(
                                                Overflow.block(capacity, LIMIT),
                                                Overflow.error(capacity),
                                                Overflow.dropNewest(capacity),
                                                Overflow.dropOldest(capacity))),
                                Stream.of(Overflow.unbounded()))
                        .map(overflow -> Load.of(overflow, pace)));
    }

    @BeforeAll
    static void expectErrorsAfterACancel() {
        Hooks.onErrorDropped(error -> assertThat(error).matches(Exceptions::isOverflow));
    }

    @AfterAll
    static void resetHooks() {
        Hooks.resetOnErrorDropped();
    }

    @ParameterizedTest
    @MethodSource("loads")
    void nothingIsLostDoubledOverlappingOrUncounted(Load load) {
        long begun = System.nanoTime();
        // Who waits is not woken up to be warned: a wake-up that is lost is a stream that stands still.
        try (CallbackScheduler scheduler =
                CallbackScheduler.create(SchedulerOptions.named("stress").warnAfter(Duration.ofHours(1)))) {
            Run run = new Run(load, scheduler);
            run.go();
            run.check();
            System.out.printf(
                    "stress: %-50s %8d delivered %8d discarded %5d ms%n",
                    load,
                    run.delivered.get(),
                    run.discarded.sum(),
                    TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
        }
    }

    private static final class Run {

        private final Load load;
        private final CallbackOptions options;
        private final String name;
        private final Consumer consumer;

        /** Written by the native threads, each its own. */
        private final AtomicLongArray handled = new AtomicLongArray(THREADS * 16);

        private final AtomicLongArray refused = new AtomicLongArray(THREADS * 16);

        final AtomicLong delivered = new AtomicLong();
        final LongAdder discarded = new LongAdder();
        private final CountDownLatch unregistered = new CountDownLatch(1);
        private volatile Source source;
        private volatile NativeSink<Long> sink;
        private long calls;

        Run(Load load, CallbackScheduler scheduler) {
            this.load = load;
            this.name = "stress " + load;
            this.options = CallbackOptions.named(name).on(scheduler).overflow(load.overflow);
            this.consumer = new Consumer(load, delivered);
        }

        private static void increment(AtomicLongArray counts, int thread) {
            counts.lazySet(thread * 16, counts.getPlain(thread * 16) + 1);
        }

        private static long sum(AtomicLongArray counts) {
            long sum = 0;
            for (int thread = 0; thread < THREADS; thread++) {
                sum += counts.get(thread * 16);
            }
            return sum;
        }

        void go() {
            NativeFlux.<Long>create(options, to -> {
                        sink = to;
                        MemorySegment pointer = to.callback(OnEvent.class, (thread, sequence, id) -> {
                            increment(handled, thread);
                            if (!to.next((long) thread << 40 | sequence)) {
                                increment(refused, thread);
                            }
                        });
                        source = Source.events(pointer, 0);
                        to.onDispose(() -> {
                            source.await(); // to the last event: those that come too late are discarded
                            source.stop();
                            unregistered.countDown();
                        });
                        source.start(THREADS, load.each, 0);
                    })
                    .doOnSubscribe(subscription -> consumer.upstream = Scannable.from(subscription))
                    .doOnDiscard(Long.class, value -> discarded.increment())
                    .subscribe(consumer);
            if (load.pace == Pace.NEVER_REQUESTS) {
                awaitQuiet();
                assertThat(consumer.queued()).isEqualTo(expectedQueued());
                consumer.cancel();
            } else {
                source.await();
                sink.complete();
            }
            Latches.awaitLatch(unregistered);
            Awaitility.await()
                    .atMost(LIMIT)
                    .pollInterval(Duration.ofMillis(1))
                    .until(() -> consumer.ended.get() || consumer.isDisposed());
            calls = source.calls();
            source.close();
        }

        private long expectedQueued() {
            return load.policy() == Policy.UNBOUNDED ? load.total() : load.overflow.capacity();
        }

        /** All have fired, or all wait. */
        private void awaitQuiet() {
            if (load.policy() == Policy.BLOCK) {
                Awaitility.await()
                        .atMost(LIMIT)
                        .pollInterval(Duration.ofMillis(1))
                        .until(() ->
                                source.calls() == expectedQueued() + THREADS && consumer.queued() == expectedQueued());
            } else {
                source.await();
            }
        }

        void check() {
            assertThat(consumer.faults).as("faults seen by the subscriber").isEmpty();
            CallbackMetrics metrics = CallbackMetrics.of(name);
            assertThat(calls).isEqualTo(load.total());
            assertThat(metrics.delivered()).isEqualTo(delivered.get());
            assertThat(metrics.discarded()).isEqualTo(discarded.sum());
            assertThat(sum(handled)).as("values").isEqualTo(delivered.get() + discarded.sum());
            assertThat(calls).as("calls").isEqualTo(sum(handled) + metrics.lateCalls());
            assertThat(metrics.failedCalls() + metrics.refusedCalls() + metrics.reserved())
                    .isZero();
            if (load.pace == Pace.NEVER_REQUESTS) {
                assertThat(delivered).hasValue(0);
                return;
            }
            if (load.keepsAll()) {
                assertThat(delivered).hasValue(load.total());
            }
            if (load.policy() != Policy.DROP_OLDEST) {
                assertThat(discarded.sum()).as("only what was refused").isEqualTo(sum(refused));
            } else {
                assertThat(sum(refused)).as("evicted before they were written").isLessThanOrEqualTo(discarded.sum());
                assertThat(consumer.last).as("the newest of all is kept").contains(load.each - 1L);
            }
            if (consumer.error != null) {
                assertThat(load.policy()).isEqualTo(Policy.ERROR);
                assertThat(consumer.error).matches(Exceptions::isOverflow);
            }
        }
    }

    private static final class Consumer extends BaseSubscriber<Long> {

        private final Load load;
        private final AtomicLong delivered;
        private final AtomicBoolean inside = new AtomicBoolean();
        final AtomicBoolean ended = new AtomicBoolean();
        final List<String> faults = new CopyOnWriteArrayList<>();
        final Long[] last = new Long[THREADS];
        private int stalls;
        volatile Throwable error;
        volatile Scannable upstream;

        Consumer(Load load, AtomicLong delivered) {
            this.load = load;
            this.delivered = delivered;
            Arrays.fill(last, -1L);
        }

        long queued() {
            return upstream.scanOrDefault(Scannable.Attr.BUFFERED, -1);
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            if (load.pace == Pace.ONE_AT_A_TIME) {
                request(1);
            } else if (load.pace != Pace.NEVER_REQUESTS) {
                request(Long.MAX_VALUE);
            }
        }

        @Override
        protected void hookOnNext(Long value) {
            if (!inside.compareAndSet(false, true)) {
                fault("overlap");
            }
            int thread = (int) (value >>> 40);
            long sequence = value & 0xFF_FFFF_FFFFL;
            long before = last[thread];
            if (load.policy() == Policy.DROP_OLDEST || load.policy() == Policy.DROP_NEWEST) {
                if (sequence <= before) {
                    fault("order: " + before + " before " + sequence);
                }
            } else if (sequence != before + 1) {
                fault("gap: " + before + " before " + sequence);
            }
            last[thread] = sequence;
            // Producers that drop take from the queue too: what a third thread sees is not of one moment.
            if (load.policy() != Policy.DROP_OLDEST && queued() > load.overflow.capacity()) {
                fault("queued " + queued());
            }
            long n = delivered.get() + 1;
            if (load.pace == Pace.STALLS && n % 1_000 == 1 && stalls++ < 2) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
            }
            inside.set(false);
            delivered.lazySet(n);
            if (load.pace == Pace.ONE_AT_A_TIME) {
                request(1);
            }
        }

        private void fault(String what) {
            if (faults.size() < 10) {
                faults.add(what);
            }
        }

        @Override
        protected void hookOnError(Throwable thrown) {
            error = thrown;
            ended.set(true);
        }

        @Override
        protected void hookOnComplete() {
            ended.set(true);
        }
    }
}
