package reactor.ffi.samples.nats;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.Overflow;

/** A million messages of a real server, and what each policy makes of a consumer that is too slow. */
class MillionIT {

    private static final AtomicInteger TRIALS = new AtomicInteger();
    private static final Duration SLOW = Duration.ofNanos(5_000);

    private static NatsServer server;

    @BeforeAll
    static void startsAServer() throws Exception {
        Installed.natsAndServer();
        server = NatsServer.start(NatsServer.folders());
    }

    @AfterAll
    static void stopsTheServer() {
        if (server != null) {
            server.close();
        }
    }

    @Test
    void aMillionMessagesArriveOnceEachAndInTheirOrder() throws Throwable {
        Trial.Result seen = run(new Trial(1_000_000, Overflow.block(8192, Duration.ofSeconds(10)), Duration.ZERO));

        assertThat(seen.end()).isEqualTo("complete");
        assertThat(seen.delivered()).isEqualTo(1_000_000);
        assertThat(seen.discarded()).isZero();
        assertThat(seen.outOfOrder()).isZero();
        assertThat(seen.last()).isEqualTo(999_999);
    }

    @ParameterizedTest
    @MethodSource
    void aSlowConsumerLosesNothing(Overflow overflow) throws Throwable {
        // More than the 65,536 that nats.c lets wait by default.
        Trial.Result seen = run(new Trial(200_000, overflow, SLOW));

        assertThat(seen.droppedByNats()).isZero();
        assertThat(seen.delivered()).isEqualTo(200_000);
        assertThat(seen.discarded()).isZero();
        assertThat(seen.outOfOrder()).isZero();
        assertThat(seen.end()).isEqualTo("complete");
    }

    static Stream<Overflow> aSlowConsumerLosesNothing() {
        return Stream.of(Overflow.block(1024, Duration.ofSeconds(10)), Overflow.unbounded());
    }

    @ParameterizedTest
    @MethodSource
    void whatIsNotDeliveredIsDiscardedAndWhatIsStaysInOrder(Overflow overflow) throws Throwable {
        Trial.Result seen = run(new Trial(200_000, overflow, SLOW));

        assertThat(seen.droppedByNats()).isZero();
        assertThat(seen.delivered() + seen.discarded()).isEqualTo(200_000);
        assertThat(seen.delivered()).isPositive();
        assertThat(seen.discarded()).isPositive();
        assertThat(seen.outOfOrder()).isZero();
        assertThat(seen.end()).isEqualTo("complete");
        if (overflow.policy() == Overflow.Policy.DROP_OLDEST) {
            assertThat(seen.last()).as("the newest is kept").isEqualTo(199_999);
        } else {
            assertThat(seen.first()).as("the oldest is kept").isZero();
        }
    }

    static Stream<Overflow> whatIsNotDeliveredIsDiscardedAndWhatIsStaysInOrder() {
        return Stream.of(Overflow.dropOldest(1024), Overflow.dropNewest(1024), Overflow.latest());
    }

    @Test
    void aFullQueueEndsTheStreamAfterWhatIsQueued() throws Throwable {
        Trial.Result seen = run(new Trial(200_000, Overflow.error(1024), SLOW));

        assertThat(seen.end()).contains("is full: error(1024)");
        assertThat(seen.delivered()).isGreaterThanOrEqualTo(1024);
        assertThat(seen.last()).as("without a gap").isEqualTo(seen.delivered() - 1);
        assertThat(seen.delivered() + seen.discarded()).isEqualTo(seen.received());
    }

    private static Trial.Result run(Trial trial) throws Throwable {
        try (NatsConnection connection = new NatsConnection(server.url(), "numbers");
                CallbackScheduler scheduler = CallbackScheduler.create("numbers")) {
            return trial.run(connection, scheduler, "trial-" + TRIALS.incrementAndGet(), line -> {});
        }
    }
}
