package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The promise of the sample, in one minute: real broker, real processes, and the busiest aggregator killed under load. */
class AggregatorKilledIT {

    @Test
    void nothingIsLostOrDoubledWhenTheBusiestAggregatorIsKilled() throws Exception {
        try (Rig rig = Rig.shared()) {
            List<Worker> aggregators = rig.aggregators("a", "b", "c");
            Worker publisher = rig.publisher("--sources=6", "--each=60000", "--rate=10000");
            Rig.reaches(publisher, "acknowledged", 60_000);
            aggregators.forEach(one -> Rig.reaches(one, "events", 1));
            Worker victim = Collections.max(aggregators, Comparator.comparingLong(one -> one.figure("events")));
            Rig.reaches(victim, "partitions", 1);
            victim.kill();

            rig.agrees(publisher);
            assertThat(victim.figure("partitions"))
                    .as("owned when it was killed")
                    .isPositive();
            assertThat(publisher.figure("sent")).isEqualTo(360_000);
            assertThat(publisher.figure("dropped")).isZero();
        }
    }
}
