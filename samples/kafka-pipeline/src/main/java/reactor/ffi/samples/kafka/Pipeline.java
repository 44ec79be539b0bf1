package reactor.ffi.samples.kafka;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import reactor.core.Disposable;

/**
 * The whole pipeline on one machine: a broker, a publisher with native sources, three aggregators, a page. It prints how far
 * each part is, kills an aggregator half-way, and at the end compares what C has sent with what the windows have counted.
 */
public final class Pipeline implements AutoCloseable {

    private static final int PARTITIONS = 6;
    private static final int AGGREGATORS = 3;
    private static final Duration LAG_LIMIT = Duration.ofMinutes(2);

    /** What the program understands: its own, and what it passes on to the publisher. */
    static final Map<String, String> DEFAULTS = defaults();

    private final Arguments args;
    private final Path folder;
    private final List<Broker> brokers = new ArrayList<>();
    private final List<Worker> aggregators = new ArrayList<>();
    private final Ledger ledger = new Ledger();
    private final long begin = System.nanoTime();

    private Kafka kafka;
    private Worker publisher;

    /** Nobody needs more windows. */
    private volatile boolean over;

    private Pipeline(Arguments args) throws IOException {
        this.args = args;
        this.folder = Files.createDirectories(Path.of(System.getProperty("kafka.target", "target"), "kafka"))
                .resolve("run-" + System.currentTimeMillis());
        Files.createDirectories(folder);
    }

    private static Map<String, String> defaults() {
        Map<String, String> all = new HashMap<>(Publisher.DEFAULTS);
        all.put("windows", "reactor-ffi-windows");
        all.put("rejected", "reactor-ffi-rejected");
        all.put("group", "reactor-ffi-aggregators");
        all.put("window-millis", "1000");
        all.put("page", "8090");
        all.put("kill", "true");
        return Map.copyOf(all);
    }

    /**
     * Runs the pipeline.
     *
     * @param args see {@link #DEFAULTS}; {@code --bootstrap=host:port} takes a cluster that runs already
     */
    public static void main(String[] args) {
        Status.exitWith(() -> {
            boolean agrees;
            try (Pipeline pipeline = new Pipeline(Arguments.parse(args, DEFAULTS))) {
                agrees = pipeline.run();
            }
            System.exit(agrees ? 0 : 1);
        });
    }

    private boolean run() throws IOException, InterruptedException {
        String bootstrap = args.text("bootstrap");
        if (bootstrap.isEmpty()) {
            say("starting a Kafka broker of its own; its log is in " + folder);
            brokers.addAll(Broker.cluster(folder, 1, Broker.SHORT_LIFE, List.of(), ""));
            bootstrap = brokers.getFirst().address();
        }
        kafka = Kafka.at(bootstrap, args.text("properties"));
        List<String> topics = List.of(args.text("topic"), args.text("windows"), args.text("rejected"));
        kafka.createTopics(topics, PARTITIONS);
        say("Kafka at " + bootstrap + ", topics " + String.join(", ", topics));

        try (Page page = Page.start((int) args.number("page", 0))) {
            CountDownLatch read = new CountDownLatch(1);
            Disposable reading = Windows.of(kafka, args.text("windows"), () -> over)
                    .doOnNext(ledger::add)
                    .doFinally(signal -> read.countDown())
                    .subscribe(page::show, error -> say("reading the windows has failed: " + error));
            say("the windows are on " + page.address() + "; three aggregators and the publisher start");
            try {
                for (int i = 1; i <= AGGREGATORS; i++) {
                    aggregators.add(aggregator(i));
                }
                for (Worker aggregator : aggregators) {
                    aggregator.awaitReady(60);
                }
                publisher =
                        Worker.start("publisher", Publisher.class, folder, List.of(), publisherArguments(bootstrap));
                return watch();
            } finally {
                over = true;
                if (!read.await(5, TimeUnit.SECONDS)) {
                    reading.dispose();
                }
            }
        }
    }

    private Worker aggregator(int number) throws IOException {
        return Worker.start(
                "aggregator-" + number,
                Aggregator.class,
                folder,
                List.of(),
                List.of(
                        "--bootstrap=" + kafka.bootstrap(),
                        "--properties=" + args.text("properties"),
                        "--topic=" + args.text("topic"),
                        "--windows=" + args.text("windows"),
                        "--rejected=" + args.text("rejected"),
                        "--group=" + args.text("group"),
                        "--window-millis=" + args.text("window-millis"),
                        "--member=aggregator-" + number));
    }

    private List<String> publisherArguments(String bootstrap) {
        List<String> all = new ArrayList<>();
        Publisher.DEFAULTS.keySet().stream()
                .filter(name -> !name.equals("bootstrap"))
                .forEach(name -> all.add("--" + name + "=" + args.text(name)));
        all.add("--bootstrap=" + bootstrap);
        return all;
    }

    /** Prints a line a second until the windows have caught up; whether all figures agree. */
    private boolean watch() throws InterruptedException {
        long expected = args.number("each", 1) * args.count("sources");
        boolean toKill = Boolean.parseBoolean(args.text("kill"));
        long ended = 0;
        header();
        for (; ; ) {
            Thread.sleep(1000);
            publisher.check();
            aggregators.forEach(Worker::check);
            row();
            if (toKill && publisher.figure("sent") >= expected / 2) {
                toKill = false;
                Worker victim = Collections.max(aggregators, Comparator.comparingLong(one -> one.figure("events")));
                victim.kill();
                say(String.format(
                        "kill -9 %s, which has summed %,d events and owns %d partitions: the others take over",
                        victim.name(), victim.figure("events"), victim.figure("partitions")));
            }
            if (!publisher.isAlive()) {
                ended = ended == 0 ? System.nanoTime() : ended;
                publisher.await(1);
                boolean caughtUp = ledger.covered(publisher.figure("run")) >= publisher.figure("acknowledged");
                if (caughtUp || System.nanoTime() - ended > LAG_LIMIT.toNanos()) {
                    return summary();
                }
            }
        }
    }

    private static void header() {
        System.out.printf(
                "%7s %12s %12s %9s %12s %10s %12s %8s %9s%n",
                "time",
                "sent by C",
                "delivered",
                "dropped",
                "acknowledged",
                "in flight",
                "in windows",
                "windows",
                "lag");
    }

    private void row() {
        long counted = ledger.covered(publisher.figure("run"));
        System.out.printf(
                "%5.1f s %,12d %,12d %,9d %,12d %,8d B %,12d %,8d %,9d%n",
                (System.nanoTime() - begin) / 1e9,
                publisher.figure("sent"),
                publisher.figure("delivered"),
                publisher.figure("dropped"),
                publisher.figure("acknowledged"),
                publisher.figure("in-flight"),
                counted,
                ledger.windows(),
                Math.max(
                        0, publisher.figure("acknowledged") - counted)); // the publisher's figures are up to 250 ms old
    }

    private boolean summary() {
        long run = publisher.figure("run");
        long sent = publisher.figure("sent");
        long dropped = publisher.figure("discarded"); // by the policy, or left over at the end
        long lost = sent - dropped - ledger.covered(run);
        long doubled = ledger.doubled(run);
        System.out.printf(
                "%,d sent by C = %,d delivered + %,d dropped; %,d acknowledged in %,d records; %,d in windows: lost %d, doubled %d%n",
                sent,
                publisher.figure("delivered"),
                dropped,
                publisher.figure("acknowledged"),
                publisher.figure("records"),
                ledger.covered(run),
                lost,
                doubled);
        return lost == 0 && doubled == 0;
    }

    private static void say(String what) {
        System.out.println(what);
        System.out.flush();
    }

    @Override
    public void close() {
        if (publisher != null) {
            publisher.close();
        }
        aggregators.forEach(Worker::close);
        brokers.forEach(Broker::close);
    }
}
