package reactor.ffi;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.ffi.fixture.Callbacks.OnReading;
import reactor.ffi.fixture.Realtime;
import reactor.ffi.fixture.TestScheduler;

/**
 * A producer with SCHED_FIFO that waits in a loop for a thread which it has preempted waits until the kernel throttles it,
 * about a second later.
 */
class RealtimeIT {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("RealtimeIT");

    private final CallbackScheduler scheduler = loop.scheduler;
    private final CallbackOptions options = loop.options;

    static Stream<Arguments> policies() {
        return Stream.of(Overflow.latest(), Overflow.dropOldest(2), Overflow.dropOldest(1024), Overflow.dropNewest(16))
                .flatMap(overflow -> Stream.of(0L, Long.MAX_VALUE).map(demand -> Arguments.of(overflow, demand)));
    }

    @ParameterizedTest(name = "{0}, demand {1}")
    @MethodSource("policies")
    void aRealTimeProducerNeverSpinsForAThreadThatItHasPreempted(Overflow overflow, long demand) {
        AtomicReference<MemorySegment> pointer = new AtomicReference<>();
        AtomicLong handedOver = new AtomicLong();
        AtomicLong discarded = new AtomicLong();
        Counting delivered = new Counting(demand);
        NativeFlux.<Long>create(options.overflow(overflow), sink -> {
                    OnReading handler = (sequence, value, userData) -> {
                        handedOver.incrementAndGet();
                        sink.next(userData.get(JAVA_LONG, 0));
                    };
                    pointer.set(sink.callback(OnReading.class, handler));
                })
                .doOnDiscard(Long.class, value -> discarded.incrementAndGet())
                .subscribe(delivered);

        Realtime.Outcome outcome =
                Realtime.besideOrdinary(pointer.get(), Duration.ofSeconds(3), Duration.ofNanos(100_000));

        System.out.println("real time: " + overflow + ", demand " + demand + ": " + outcome + " of " + handedOver);
        assertThat(outcome.calls()).isGreaterThan(1_000);
        delivered.cancel();
        scheduler.disposeGracefully().block(SOON);
        assertThat(delivered.disorder).as("values of one thread out of order").isZero();
        assertThat(delivered.values + discarded.get()).as("each once").isEqualTo(handedOver.get());
    }

    private static final class Counting extends BaseSubscriber<Long> {

        private final long demand;
        private long lastOfRealtime = -1;
        private long lastOfOrdinary = 0;
        long values;
        long disorder;

        Counting(long demand) {
            this.demand = demand;
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            if (demand > 0) {
                request(demand);
            }
        }

        @Override
        protected void hookOnNext(Long value) {
            values++;
            if (value >= 0) {
                disorder += value > lastOfRealtime ? 0 : 1;
                lastOfRealtime = value;
            } else {
                disorder += value < lastOfOrdinary ? 0 : 1;
                lastOfOrdinary = value;
            }
        }
    }
}
