package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.samples.kafka.Rig.BOUND;
import static reactor.ffi.samples.kafka.Rig.ENDLESS;

import java.time.Duration;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code kill -9} of the only broker, which comes back after a time. One of the longest tests, so it starts among the first. */
@Tag("minutes")
@Order(2)
class OutageIT {

    @Test
    void ofTwentySecondsMakesNativeThreadsWaitOrTheSourceDropWhichIsCountedExactly() throws Exception {
        try (Rig rig = Rig.own(1)) {
            rig.aggregators("a", "b");
            Worker waiting = rig.publisher("--each=" + ENDLESS, "--rate=4000", "--queue=1024", "--in-flight=" + BOUND);
            Rig.reaches(waiting, "run", 1); // the other one is another run
            Worker dropping = rig.publisher(
                    "--first-source=6",
                    "--each=" + ENDLESS,
                    "--rate=4000",
                    "--queue=1024",
                    "--overflow=drop",
                    "--in-flight=" + BOUND);
            Rig.reaches(waiting, "acknowledged", 10_000);
            Rig.reaches(dropping, "acknowledged", 10_000);
            rig.brokerIsAway(Duration.ofSeconds(20), waiting, dropping);

            rig.agreesAfterMore(10_000, waiting, dropping);
            assertThat(waiting.figure("dropped")).isZero();
            assertThat(waiting.figure("most-in-flight")).isBetween(1L, BOUND);

            assertThat(dropping.figure("dropped")).isPositive();
            assertThat(dropping.figure("most-in-flight")).isBetween(1L, BOUND);
        }
    }
}
