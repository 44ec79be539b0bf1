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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Flux;

/** Real brokers, and the pipeline's processes around them, on topics of a test's own. */
final class Rig implements AutoCloseable {

    static final int PARTITIONS = 6;

    private static final AtomicInteger RIGS = new AtomicInteger();

    final Path folder;
    final List<Broker> brokers;
    final Kafka kafka;
    final Ledger ledger = new Ledger();

    private final AtomicInteger count = new AtomicInteger();
    private final String prefix = "test-" + RIGS.incrementAndGet() + "-" + System.currentTimeMillis();
    private final String properties;
    private final List<Worker> workers = new ArrayList<>();
    private final CompletableFuture<Void> reading;
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
        reading = Windows.of(kafka, windows(), () -> over)
                .doOnNext(ledger::add)
                .then()
                .toFuture();
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
        Worker worker = start(member, Aggregator.class, List.of(), args);
        worker.awaitReady(90);
        return worker;
    }

    Worker publisher(String... more) throws IOException {
        return publisher(List.of(), more);
    }

    /** A publisher with a heap or another option of the JVM of its own. */
    Worker publisher(List<String> jvm, String... more) throws IOException {
        List<String> args = new ArrayList<>(
                List.of("--bootstrap=" + kafka.bootstrap(), "--properties=" + properties, "--topic=" + events()));
        args.addAll(List.of(more));
        return start("publisher-" + count.incrementAndGet(), Publisher.class, jvm, args);
    }

    /** The whole pipeline as one program, on this cluster and these topics. */
    Worker pipeline(String... more) throws IOException {
        List<String> args = new ArrayList<>(List.of(
                "--bootstrap=" + kafka.bootstrap(),
                "--properties=" + properties,
                "--topic=" + events(),
                "--windows=" + windows(),
                "--rejected=" + rejected(),
                "--group=" + prefix,
                "--page=0"));
        args.addAll(List.of(more));
        return start("pipeline-" + count.incrementAndGet(), Pipeline.class, List.of(), args);
    }

    private Worker start(String name, Class<?> main, List<String> jvm, List<String> args) throws IOException {
        List<String> options = new ArrayList<>(List.of("-XX:TieredStopAtLevel=1")); // short lives: compile little
        options.addAll(jvm);
        Worker worker = Worker.start(name, main, folder, options, args);
        workers.add(worker);
        return worker;
    }

    /** Waits until all brokers answer. */
    void awaitBrokers() throws InterruptedException {
        Broker.awaitReady(brokers, properties);
    }

    /** Ends all that was started; the brokers, the topics and what was read stay. */
    void endWorkers() {
        workers.forEach(Worker::close);
        workers.clear();
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
        long sent = publisher.figure("sent");
        long delivered = publisher.figure("delivered");
        assertThat(publisher.figure("native-threads"))
                .as("native threads at the end")
                .isZero();
        assertThat(delivered + publisher.figure("discarded"))
                .as("delivered + discarded = sent by C")
                .isEqualTo(sent);
        assertThat(publisher.figure("acknowledged"))
                .as("acknowledged = delivered")
                .isEqualTo(delivered);
        await("windows").atMost(Duration.ofMinutes(2)).until(() -> {
            assertThat(reading).as("reading the windows").isNotCompleted();
            return ledger.covered(run) >= delivered;
        });
        assertThat(ledger.covered(run)).as("in windows = delivered").isEqualTo(delivered);
        assertThat(ledger.doubled(run)).as("doubled").isZero();
        assertThat(inOrder(run).values().stream().mapToLong(Long::longValue).sum())
                .as("what the last records say was sent")
                .isEqualTo(sent);
    }

    /**
     * Reads the events of a run back: each source's numbers ascend, what is missing is what the headers say was dropped, and
     * nothing comes after a source's last record.
     *
     * @return how many events each source's last record says were sent
     */
    Map<Integer, Long> inOrder(long run) {
        Map<Integer, Long> next = new HashMap<>();
        Map<Integer, Long> ends = new HashMap<>();
        batches().filter(batch -> batch.events().getRun() == run).toStream().forEach(batch -> {
            int source = batch.events().getSource();
            long first = batch.events().getFirstSequence();
            assertThat(ends)
                    .as("source %s goes on after its last record", source)
                    .doesNotContainKey(source);
            assertThat(first)
                    .as("source %s: no gap but the dropped ones, and nothing twice or out of order", source)
                    .isEqualTo(next.getOrDefault(source, 0L) + batch.dropped());
            next.put(source, first + batch.size());
            if (batch.size() == 0) {
                ends.put(source, first);
            }
        });
        return ends;
    }

    /** The batches on the topic of events, to its end as it is now. */
    Flux<Batch> batches() {
        return Windows.records(kafka, events(), () -> true).handle((record, sink) -> {
            try {
                sink.next(Batch.from(record));
            } catch (ForeignRecordException e) {
                // a test has put it there
            }
        });
    }

    @Override
    public void close() {
        endWorkers();
        over = true;
        try {
            await("the end of the windows").atMost(Duration.ofMinutes(1)).until(reading::isDone);
            assertThat(reading).as("reading the windows").isCompleted();
        } finally {
            brokers.forEach(Broker::close);
        }
    }
}
