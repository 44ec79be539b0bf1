package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;

/** Real brokers, and the pipeline's processes around them, on topics of a test's own. */
final class Rig implements AutoCloseable {

    static final int PARTITIONS = 6;

    private static final AtomicInteger COUNT = new AtomicInteger();

    final Path folder;
    final List<Broker> brokers;
    final Kafka kafka;
    final Ledger ledger = new Ledger();

    private final String prefix = "test-" + COUNT.incrementAndGet() + "-" + System.currentTimeMillis();
    private final String properties;
    private final List<Worker> workers = new ArrayList<>();
    private final Disposable reading;
    private volatile boolean over;

    Rig(int nodes) throws Exception {
        this(nodes, List.of(), "");
    }

    Rig(int nodes, List<String> settings, String properties) throws Exception {
        this.properties = properties;
        folder = Files.createDirectories(Path.of(System.getProperty("kafka.target", "target"), "kafka", prefix));
        brokers = Broker.cluster(folder, nodes, settings, properties);
        kafka = Kafka.at(String.join(",", brokers.stream().map(Broker::address).toList()), properties);
        kafka.createTopics(List.of(events(), windows(), rejected()), PARTITIONS);
        reading = Windows.of(kafka, windows(), () -> over).subscribe(ledger::add, Throwable::printStackTrace);
    }

    String events() {
        return prefix + "-events";
    }

    String windows() {
        return prefix + "-windows";
    }

    String rejected() {
        return prefix + "-rejected";
    }

    Worker aggregator(String member, String... more) throws Exception {
        List<String> args = new ArrayList<>(List.of(
                "--bootstrap=" + kafka.bootstrap(),
                "--properties=" + properties,
                "--topic=" + events(),
                "--windows=" + windows(),
                "--rejected=" + rejected(),
                "--group=" + prefix,
                "--member=" + member));
        args.addAll(List.of(more));
        Worker worker = Worker.start(member, Aggregator.class, folder, List.of(), args);
        workers.add(worker);
        worker.awaitReady(90);
        return worker;
    }

    Worker publisher(List<String> jvm, String... more) throws IOException {
        List<String> args = new ArrayList<>(
                List.of("--bootstrap=" + kafka.bootstrap(), "--properties=" + properties, "--topic=" + events()));
        args.addAll(List.of(more));
        Worker worker = Worker.start("publisher-" + workers.size(), Publisher.class, folder, jvm, args);
        workers.add(worker);
        return worker;
    }

    /** Waits until a figure of a process is so high. */
    static void reaches(Worker worker, String figure, long least) {
        await(worker.name() + ": " + figure)
                .atMost(Duration.ofMinutes(2))
                .pollInterval(Duration.ofMillis(50))
                .until(() -> {
                    worker.check();
                    return worker.figure(figure) >= least;
                });
    }

    /** Waits for the publisher's end, then until the windows have caught up; then every figure has to agree. */
    void agrees(Worker publisher, long seconds) throws Exception {
        assertThat(publisher.await(seconds)).as(publisher.log()).isZero();
        long run = publisher.figure("run");
        long acknowledged = publisher.figure("acknowledged");
        await("windows").atMost(Duration.ofMinutes(2)).until(() -> ledger.covered(run) >= acknowledged);
        assertThat(publisher.figure("delivered") + publisher.figure("discarded"))
                .as("delivered + discarded = sent by C")
                .isEqualTo(publisher.figure("sent"));
        assertThat(acknowledged).as("acknowledged = delivered").isEqualTo(publisher.figure("delivered"));
        assertThat(ledger.covered(run)).as("in windows = delivered").isEqualTo(publisher.figure("delivered"));
        assertThat(ledger.doubled(run)).as("doubled").isZero();
        inOrderAndComplete(publisher);
    }

    /** Reads the events themselves: each source's numbers ascend, and what is missing is what the headers say was dropped. */
    private void inOrderAndComplete(Worker publisher) {
        over = false;
        Map<Integer, Long> next = new HashMap<>();
        Map<Integer, Long> ends = new HashMap<>();
        Flux<Batch> batches = Windows.records(kafka, events(), () -> true).handle((record, sink) -> {
            try {
                Batch batch = Batch.from(record);
                if (batch.events().getRun() == publisher.figure("run")) {
                    sink.next(batch);
                }
            } catch (ForeignRecordException e) {
                // not of this run
            }
        });
        batches.toStream().forEach(batch -> {
            int source = batch.events().getSource();
            assertThat(batch.events().getFirstSequence())
                    .as("source %s: no gap but the dropped ones, and nothing twice or out of order", source)
                    .isEqualTo(next.getOrDefault(source, 0L) + batch.dropped());
            next.put(source, batch.events().getFirstSequence() + batch.size());
            if (batch.size() == 0) {
                ends.put(source, batch.events().getFirstSequence());
            }
        });
        assertThat(ends.values().stream().mapToLong(Long::longValue).sum())
                .as("what the last records of the sources say was sent")
                .isEqualTo(publisher.figure("sent"));
    }

    @Override
    public void close() {
        over = true;
        workers.forEach(Worker::close);
        reading.dispose();
        brokers.forEach(Broker::close);
    }
}
