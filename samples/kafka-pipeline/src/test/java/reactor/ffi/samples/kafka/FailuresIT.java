package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What breaks in the field, with real brokers and processes. Minutes: the profile {@code kafka} runs it. */
@Tag("minutes")
class FailuresIT {

    private static final long BOUND = 1024 * 1024;

    @Nested
    class ABrokerThatIsKilled {

        @Test
        void forTwentySecondsMakesTheNativeThreadsWait() throws Exception {
            try (Rig rig = new Rig(1)) {
                rig.aggregator("a");
                rig.aggregator("b");
                Worker publisher = rig.publisher(
                        List.of(), "--each=100000", "--rate=5000", "--queue=1024", "--in-flight=" + BOUND);
                Rig.reaches(publisher, "acknowledged", 30_000);
                away(rig.brokers.getFirst(), Duration.ofSeconds(20));

                rig.agrees(publisher, 180);
                assertThat(publisher.figure("sent")).isEqualTo(600_000);
                assertThat(publisher.figure("dropped")).isZero();
                assertThat(publisher.figure("most-in-flight")).isBetween(1L, BOUND);
            }
        }

        @Test
        void forTwentySecondsMakesTheSourceDropWhichIsCountedExactly() throws Exception {
            try (Rig rig = new Rig(1)) {
                rig.aggregator("a");
                rig.aggregator("b");
                Worker publisher = rig.publisher(
                        List.of(),
                        "--each=150000",
                        "--rate=5000",
                        "--queue=1024",
                        "--overflow=drop",
                        "--in-flight=" + BOUND);
                Rig.reaches(publisher, "acknowledged", 30_000);
                away(rig.brokers.getFirst(), Duration.ofSeconds(20));

                rig.agrees(publisher, 180);
                assertThat(publisher.figure("sent")).isEqualTo(900_000);
                assertThat(publisher.figure("dropped")).isPositive();
                assertThat(publisher.figure("most-in-flight")).isBetween(1L, BOUND);
            }
        }

        @Test
        void forAMinuteLeavesTheMemoryBounded() throws Exception {
            try (Rig rig = new Rig(1)) {
                rig.aggregator("a");
                // Unbounded, a minute at this rate would be 30 million events: more than twenty times this heap.
                Worker publisher = rig.publisher(
                        List.of("-Xmx96m", "-XX:+ExitOnOutOfMemoryError"),
                        "--each=1000000",
                        "--rate=0",
                        "--sources=2",
                        "--queue=8192",
                        "--in-flight=" + BOUND);
                Rig.reaches(publisher, "acknowledged", 100_000);
                away(rig.brokers.getFirst(), Duration.ofSeconds(60));

                rig.agrees(publisher, 180);
                assertThat(publisher.figure("most-in-flight")).isBetween(1L, BOUND);
            }
        }

        @Test
        void isOneOfThreeAndNobodyWaitsForIt() throws Exception {
            try (Rig rig = new Rig(3)) {
                rig.aggregator("a");
                rig.aggregator("b");
                Worker publisher = rig.publisher(List.of(), "--each=60000", "--rate=3000");
                Rig.reaches(publisher, "acknowledged", 30_000);
                rig.brokers.getFirst().kill();

                rig.agrees(publisher, 180);
                assertThat(publisher.figure("sent")).isEqualTo(360_000);
                assertThat(rig.brokers.getFirst().isAlive()).isFalse();
            }
        }

        private static void away(Broker broker, Duration time) throws Exception {
            broker.kill();
            long back = System.nanoTime() + time.toNanos();
            await().atMost(time.plusSeconds(5))
                    .pollInterval(Duration.ofMillis(100))
                    .until(() -> System.nanoTime() - back >= 0);
            broker.start();
        }
    }

    @Nested
    class AnAggregator {

        @Test
        void thatIsSlowDelaysOnlyItsWindows() throws Exception {
            try (Rig rig = new Rig(1)) {
                rig.aggregator("a");
                rig.aggregator("slow", "--slow-millis=1500");
                Worker publisher = rig.publisher(List.of(), "--each=50000", "--rate=10000");
                rig.agrees(publisher, 120);
                assertThat(publisher.figure("sent")).isEqualTo(300_000);
            }
        }

        @Test
        void thatIsToldToGoEndsInTimeAndLeavesTheRestToTheOthers() throws Exception {
            try (Rig rig = new Rig(1)) {
                Worker going = rig.aggregator("a");
                rig.aggregator("b");
                Worker publisher = rig.publisher(List.of(), "--each=60000", "--rate=10000");
                Rig.reaches(going, "events", 1_000);
                going.terminate();
                assertThat(going.await(10)).isZero();
                rig.agrees(publisher, 120);
            }
        }
    }

    @Nested
    class APublisher {

        @Test
        void thatIsToldToGoPublishesWhatCHasSent() throws Exception {
            try (Rig rig = new Rig(1)) {
                rig.aggregator("a");
                Worker publisher = rig.publisher(List.of(), "--each=100000000", "--rate=0");
                Rig.reaches(publisher, "acknowledged", 100_000);
                long begin = System.nanoTime();
                publisher.terminate();
                rig.agrees(publisher, 30);
                assertThat(publisher.figure("sent")).isLessThan(100_000_000);
                assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(60));
            }
        }
    }
}
