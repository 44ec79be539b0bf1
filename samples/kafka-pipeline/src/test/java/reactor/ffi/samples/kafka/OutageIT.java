package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code kill -9} of the only broker, which comes back after a time. */
@Tag("minutes")
class OutageIT {

    private static final long BOUND = 1024 * 1024;

    private static Rig rig;

    @BeforeAll
    static void start() throws Exception {
        rig = new Rig(1);
    }

    @AfterAll
    static void stop() {
        rig.close();
    }

    @AfterEach
    void endWorkers() {
        rig.endWorkers();
    }

    private static void awayFor(Duration time, Worker... publishers) throws Exception {
        Broker broker = rig.brokers.getFirst();
        assertThat(publishers).as("publishing when the broker is killed").allMatch(Worker::isAlive);
        broker.kill();
        long back = System.nanoTime() + time.toNanos();
        await().atMost(time.plusMinutes(1))
                .pollInterval(Duration.ofMillis(100))
                .until(() -> System.nanoTime() - back >= 0);
        broker.start();
        rig.awaitBrokers();
    }

    @Test
    void ofTwentySecondsMakesNativeThreadsWaitOrTheSourceDropWhichIsCountedExactly() throws Exception {
        rig.aggregator("a");
        rig.aggregator("b");
        Worker waiting = rig.publisher("--each=200000", "--rate=4000", "--queue=1024", "--in-flight=" + BOUND);
        Rig.reaches(waiting, "run", 1); // the other one is another run
        Worker dropping = rig.publisher(
                "--first-source=6",
                "--each=150000",
                "--rate=5000",
                "--queue=1024",
                "--overflow=drop",
                "--in-flight=" + BOUND);
        Rig.reaches(waiting, "acknowledged", 10_000);
        Rig.reaches(dropping, "acknowledged", 10_000);
        awayFor(Duration.ofSeconds(20), waiting, dropping);

        rig.agrees(waiting, 300);
        assertThat(waiting.figure("sent")).isEqualTo(1_200_000);
        assertThat(waiting.figure("dropped")).isZero();
        assertThat(waiting.figure("most-in-flight")).isBetween(1L, BOUND);

        rig.agrees(dropping, 300);
        assertThat(dropping.figure("sent")).isEqualTo(900_000);
        assertThat(dropping.figure("dropped")).isPositive();
        assertThat(dropping.figure("most-in-flight")).isBetween(1L, BOUND);
    }

    @Test
    void ofAMinuteLeavesTheMemoryBounded() throws Exception {
        rig.aggregator("a");
        // What C sends within the minute without a bound is more than this heap.
        Worker publisher = rig.publisher(
                List.of("-Xmx96m", "-XX:+ExitOnOutOfMemoryError"),
                "--each=2000000",
                "--rate=0",
                "--sources=2",
                "--queue=8192",
                "--in-flight=" + BOUND);
        Rig.reaches(publisher, "acknowledged", 100_000);
        awayFor(Duration.ofMinutes(1), publisher);

        rig.agrees(publisher, 300);
        assertThat(publisher.figure("sent")).isEqualTo(4_000_000);
        assertThat(publisher.figure("most-in-flight")).isBetween(1L, BOUND);
    }
}
