package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Flux;

/** Real brokers, and the pipeline's processes around them, on topics of a test's own. */
final class Rig implements AutoCloseable {

    static final int PARTITIONS = 6;

    /** How long anything may take that ends in any case, on a machine that is very busy. */
    static final Duration LONG = Duration.ofMinutes(5);

    /** More events than a source sends while a test runs. */
    static final long ENDLESS = 1_000_000_000;

    /** Most bytes in flight of a publisher whose broker goes away. */
    static final long BOUND = 1024 * 1024;

    private static final AtomicInteger RIGS = new AtomicInteger();

    final List<Broker> brokers;
    final Kafka kafka;
    final Ledger ledger = new Ledger();

    private final boolean shared;
    private final AtomicInteger count = new AtomicInteger();
    private final String prefix;
    private final Path folder;
    private final String properties;
    private final Queue<Worker> workers = new ConcurrentLinkedQueue<>();
    private final CompletableFuture<Void> reading;
    private volatile boolean over;

    private Rig(List<Broker> brokers, boolean shared, String prefix, String properties) {
        this.brokers = brokers;
        this.shared = shared;
        this.prefix = prefix;
        this.folder = folder(prefix);
        this.properties = properties;
        kafka = Kafka.at(String.join(",", brokers.stream().map(Broker::address).toList()), properties);
        kafka.createTopics(List.of(events(), windows(), rejected()), PARTITIONS);
        reading = Windows.of(kafka, windows(), () -> over)
                .doOnNext(ledger::add)
                .then()
                .toFuture();
    }

    /** A rig with brokers of its own, which a test may kill. */
    static Rig own(int nodes) throws Exception {
        String prefix = prefix();
        return new Rig(Broker.cluster(folder(prefix), nodes, Broker.SHORT_LIFE, List.of(), ""), false, prefix, "");
    }

    /** A rig with topics of its own on the {@link SharedBroker}. */
    static Rig shared() {
        return new Rig(SharedBroker.NODES, true, prefix(), SharedBroker.PROPERTIES);
    }

    private static String prefix() {
        return "test-" + RIGS.incrementAndGet() + "-" + System.currentTimeMillis();
    }

    /** Makes the folder of a rig or of brokers. */
    static Path folder(String name) {
        try {
            return Files.createDirectories(Path.of(System.getProperty("kafka.target", "target"), "kafka", name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The consumer group of the aggregators. */
    String group() {
        return prefix;
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
        Worker worker = startAggregator(member, more);
        worker.awaitReady(LONG.toSeconds());
        return worker;
    }

    /** Starts several at once: most of the time until they are ready they wait. */
    List<Worker> aggregators(String... members) throws Exception {
        List<Worker> started = new ArrayList<>();
        for (String member : members) {
            started.add(startAggregator(member));
        }
        for (Worker worker : started) {
            worker.awaitReady(LONG.toSeconds());
        }
        return started;
    }

    private Worker startAggregator(String member, String... more) throws IOException {
        return start(member, Aggregator.class, List.of(), args(aggregating("--member=" + member), more));
    }

    Worker publisher(String... more) throws IOException {
        return publisher(List.of(), more);
    }

    /** A publisher with a heap or another option of the JVM of its own. */
    Worker publisher(List<String> jvm, String... more) throws IOException {
        return start("publisher-" + count.incrementAndGet(), Publisher.class, jvm, args(List.of(), more));
    }

    /** The whole pipeline as one program, on this cluster and these topics. */
    Worker pipeline(String... more) throws IOException {
        return start(
                "pipeline-" + count.incrementAndGet(), Pipeline.class, List.of(), args(aggregating("--page=0"), more));
    }

    private List<String> aggregating(String own) {
        return List.of("--windows=" + windows(), "--rejected=" + rejected(), "--group=" + group(), own);
    }

    /** The command line of each program: this cluster, then what is its own; a later argument replaces an earlier one. */
    private List<String> args(List<String> own, String... more) {
        List<String> args = new ArrayList<>(
                List.of("--bootstrap=" + kafka.bootstrap(), "--properties=" + properties, "--topic=" + events()));
        args.addAll(own);
        args.addAll(List.of(more));
        return args;
    }

    private Worker start(String name, Class<?> main, List<String> jvm, List<String> args) throws IOException {
        List<String> options = new ArrayList<>(Broker.SHORT_LIFE);
        options.addAll(jvm);
        Worker worker = Worker.start(name, main, folder, options, args);
        workers.add(worker);
        return worker;
    }

    /** Waits until all brokers answer. */
    void awaitBrokers() throws InterruptedException {
        Broker.awaitReady(brokers, properties);
    }

    /** {@code kill -9} of the only broker, and its start after a time; these publishers do not end meanwhile. */
    void brokerIsAway(Duration time, Worker... publishers) throws Exception {
        Broker broker = brokers.getFirst();
        assertThat(publishers).as("publishing when the broker is killed").allMatch(Worker::isAlive);
        broker.kill();
        long back = System.nanoTime() + time.toNanos();
        await().atMost(time.plusMinutes(1))
                .pollInterval(Duration.ofMillis(100))
                .until(() -> System.nanoTime() - back >= 0);
        assertThat(publishers).as("publishing when the broker comes back").allMatch(Worker::isAlive);
        broker.start();
        awaitBrokers();
    }

    /** Waits until a figure of a process is so high. */
    static void reaches(Worker worker, String figure, long least) {
        await(worker.name() + ": " + figure)
                .atMost(LONG)
                .pollInterval(Duration.ofMillis(50))
                .until(() -> {
                    worker.check();
                    return worker.figure(figure) >= least;
                });
    }

    /**
     * Waits until so many events more of each publisher are acknowledged and tells all of them to go; then every figure has to
     * agree. A topic that somebody still writes to cannot be read to its end.
     */
    void agreesAfterMore(long events, Worker... publishers) throws Exception {
        for (Worker publisher : publishers) {
            reaches(publisher, "acknowledged", publisher.figure("acknowledged") + events);
        }
        for (Worker publisher : publishers) {
            publisher.terminate();
        }
        for (Worker publisher : publishers) {
            agrees(publisher);
        }
    }

    void agrees(Worker publisher) throws Exception {
        agrees(publisher, LONG.toSeconds());
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
        await("windows").atMost(LONG).until(() -> {
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
        workers.forEach(Worker::close);
        over = true;
        try {
            await("the end of the windows").atMost(LONG).until(reading::isDone);
            assertThat(reading).as("reading the windows").isCompleted();
        } finally {
            if (!shared) {
                brokers.forEach(Broker::close);
            }
        }
    }
}
