package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** A part that is slow, and SIGTERM of each part while events flow. */
@Tag("minutes")
class UnderLoadIT {

    @Test
    void aSlowAggregatorDelaysOnlyItsWindows() throws Exception {
        try (Rig rig = Rig.shared()) {
            rig.aggregator("quick");
            Worker slow = rig.aggregator("slow", "--slow-millis=1500");
            Worker publisher = rig.publisher("--each=20000", "--rate=5000");
            rig.agrees(publisher);
            assertThat(publisher.figure("sent")).isEqualTo(120_000);
            assertThat(slow.figure("events")).isPositive();
        }
    }

    @Test
    void anAggregatorThatIsToldToGoEndsInTimeAndLeavesTheRestToTheOthers() throws Exception {
        try (Rig rig = Rig.shared()) {
            List<Worker> aggregators = rig.aggregators("going", "staying");
            Worker publisher = rig.publisher("--each=" + Rig.ENDLESS, "--rate=5000");
            Worker going = aggregators.getFirst();
            Rig.reaches(going, "events", 1_000);
            going.terminate();
            assertThat(going.await(30)).isZero();
            rig.agreesAfterMore(10_000, publisher);
        }
    }

    @Test
    void aPublisherThatIsToldToGoPublishesWhatCHasSent() throws Exception {
        try (Rig rig = Rig.shared()) {
            rig.aggregator("a");
            Worker publisher = rig.publisher("--each=" + Rig.ENDLESS, "--rate=20000");
            Rig.reaches(publisher, "acknowledged", 100_000);
            assertThat(publisher.figure("native-threads")).isEqualTo(6);
            publisher.terminate();
            rig.agrees(publisher, 30);
        }
    }

    @Test
    void aPipelineThatIsToldToGoLetsItsPublisherPublishWhatCHasSent() throws Exception {
        try (Rig rig = Rig.shared()) {
            Worker pipeline =
                    rig.pipeline("--each=" + Rig.ENDLESS, "--rate=5000", "--kill=false", "--first-source=100");
            Flux<Batch> published = rig.batches().filter(batch -> batch.events().getSource() >= 100);
            await().atMost(Rig.LONG).until(() -> published.blockFirst() != null);
            long run = published.blockFirst().events().getRun();
            pipeline.terminate();
            assertThat(pipeline.await(30)).isEqualTo(128 + 15);
            assertThat(rig.inOrder(run)).as("the last records").containsOnlyKeys(100, 101, 102, 103, 104, 105);
        }
    }
}
