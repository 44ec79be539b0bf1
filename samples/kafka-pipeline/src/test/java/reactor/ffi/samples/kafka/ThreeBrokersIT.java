package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code kill -9} of one of three brokers, which does not come back. */
@Tag("minutes")
@Order(3)
class ThreeBrokersIT {

    @Test
    void goOnWithoutTheOneThatWasKilled() throws Exception {
        try (Rig rig = Rig.own(3)) {
            rig.aggregators("a", "b");
            Worker publisher = rig.publisher("--each=" + Rig.ENDLESS, "--rate=2000");
            Rig.reaches(publisher, "acknowledged", 30_000);
            rig.brokers.getFirst().kill();

            rig.agreesAfterMore(30_000, publisher);
            assertThat(rig.brokers.getFirst().isAlive()).isFalse();
        }
    }
}
