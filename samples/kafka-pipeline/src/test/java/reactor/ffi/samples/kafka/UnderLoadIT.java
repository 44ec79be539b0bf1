package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** A part that is slow, and SIGTERM of each part while events flow. */
@Tag("minutes")
class UnderLoadIT {

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

    @Test
    void aSlowAggregatorDelaysOnlyItsWindows() throws Exception {
        rig.aggregator("quick");
        Worker slow = rig.aggregator("slow", "--slow-millis=1500");
        Worker publisher = rig.publisher("--each=50000", "--rate=10000");
        rig.agrees(publisher, 120);
        assertThat(publisher.figure("sent")).isEqualTo(300_000);
        assertThat(slow.figure("events")).isPositive();
    }

    @Test
    void anAggregatorThatIsToldToGoEndsInTimeAndLeavesTheRestToTheOthers() throws Exception {
        Worker going = rig.aggregator("going");
        rig.aggregator("staying");
        Worker publisher = rig.publisher("--each=60000", "--rate=10000");
        Rig.reaches(going, "events", 1_000);
        going.terminate();
        assertThat(going.await(10)).isZero();
        rig.agrees(publisher, 120);
    }

    @Test
    void aPublisherThatIsToldToGoPublishesWhatCHasSent() throws Exception {
        rig.aggregator("a");
        Worker publisher = rig.publisher("--each=100000000", "--rate=0");
        Rig.reaches(publisher, "acknowledged", 100_000);
        assertThat(publisher.figure("native-threads")).isEqualTo(6);
        publisher.terminate();
        rig.agrees(publisher, 30);
        assertThat(publisher.figure("sent")).isLessThan(100_000_000);
    }

    @Test
    void aPipelineThatIsToldToGoLetsItsPublisherPublishWhatCHasSent() throws Exception {
        Worker pipeline = rig.pipeline("--each=100000000", "--rate=10000", "--kill=false", "--first-source=100");
        Flux<Batch> published = rig.batches().filter(batch -> batch.events().getSource() >= 100);
        await().atMost(Duration.ofMinutes(2)).until(() -> published.blockFirst() != null);
        long run = published.blockFirst().events().getRun();
        pipeline.terminate();
        assertThat(pipeline.await(30)).isEqualTo(128 + 15);
        assertThat(rig.inOrder(run)).as("the last records").containsOnlyKeys(100, 101, 102, 103, 104, 105);
    }
}
