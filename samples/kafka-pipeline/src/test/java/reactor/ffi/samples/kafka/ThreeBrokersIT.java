package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code kill -9} of one of three brokers, which does not come back. */
@Tag("minutes")
class ThreeBrokersIT {

    @Test
    void goOnWithoutTheOneThatWasKilled() throws Exception {
        try (Rig rig = new Rig(3)) {
            rig.aggregator("a");
            rig.aggregator("b");
            Worker publisher = rig.publisher("--each=60000", "--rate=3000");
            Rig.reaches(publisher, "acknowledged", 30_000);
            rig.brokers.getFirst().kill();

            rig.agrees(publisher, 180);
            assertThat(publisher.figure("sent")).isEqualTo(360_000);
            assertThat(rig.brokers.getFirst().isAlive()).isFalse();
        }
    }
}
