package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.samples.kafka.Rig.BOUND;
import static reactor.ffi.samples.kafka.Rig.ENDLESS;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code kill -9} of the only broker, which comes back after a minute. The longest test, so it starts first. */
@Tag("minutes")
@Order(1)
class LongOutageIT {

    @Test
    void leavesTheMemoryBounded() throws Exception {
        try (Rig rig = Rig.own(1)) {
            rig.aggregator("a");
            // What C sends within the minute without a bound is more than this heap.
            Worker publisher = rig.publisher(
                    List.of("-Xmx48m", "-XX:+ExitOnOutOfMemoryError"),
                    "--each=" + ENDLESS,
                    "--rate=25000",
                    "--sources=2",
                    "--queue=8192",
                    "--in-flight=" + BOUND);
            Rig.reaches(publisher, "acknowledged", 50_000);
            rig.brokerIsAway(Duration.ofMinutes(1), publisher);

            rig.agreesAfterMore(50_000, publisher);
            assertThat(publisher.figure("dropped")).isZero();
            assertThat(publisher.figure("most-in-flight")).isBetween(1L, BOUND);
        }
    }
}
