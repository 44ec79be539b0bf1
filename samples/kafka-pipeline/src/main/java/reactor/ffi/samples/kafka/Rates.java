package reactor.ffi.samples.kafka;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Measures how many events a second get from C to an acknowledged record: by the size of the batches, and by the number of
 * publishers. All in one run on one machine, with a broker of its own; the ratios say more than the figures. Each case runs for
 * the same time, and the time before the JIT has compiled what is hot is not counted.
 */
public final class Rates {

    /** What the program understands. */
    static final Map<String, String> DEFAULTS = Map.of(
            "bootstrap",
            "",
            "properties",
            "",
            "rounds",
            "3",
            "warm-up",
            "10",
            "seconds",
            "10",
            "batches",
            "1,16,128,1024",
            "publishers",
            "2,4");

    private static final String TOPIC = "reactor-ffi-rates";
    private static final int PARTITIONS = 6;

    /** More than any machine sends in the time. */
    private static final long ENDLESS = Long.MAX_VALUE / 4;

    private final Arguments args;
    private final Path folder;
    private final Kafka kafka;
    private final List<Broker> brokers;

    private int runs;

    private Rates(Arguments args, Path folder, Kafka kafka, List<Broker> brokers) {
        this.args = args;
        this.folder = folder;
        this.kafka = kafka;
        this.brokers = brokers;
    }

    /**
     * Measures and prints.
     *
     * @param args see {@link #DEFAULTS}
     */
    public static void main(String[] args) {
        Status.exitWith(() -> {
            Arguments arguments = Arguments.parse(args, DEFAULTS);
            Path folder = Files.createDirectories(Path.of(System.getProperty("kafka.target", "target"), "kafka"))
                    .resolve("rates-" + System.currentTimeMillis());
            Files.createDirectories(folder);
            List<Broker> brokers = arguments.text("bootstrap").isEmpty()
                    ? Broker.cluster(folder, 1, List.of(), List.of(), "")
                    : List.of();
            try {
                String bootstrap = brokers.isEmpty()
                        ? arguments.text("bootstrap")
                        : brokers.getFirst().address();
                Kafka kafka = Kafka.at(bootstrap, arguments.text("properties"));
                kafka.createTopics(List.of(TOPIC), PARTITIONS);
                new Rates(arguments, folder, kafka, brokers).run();
            } finally {
                brokers.forEach(Broker::close);
            }
            System.exit(0);
        });
    }

    private void run() throws IOException, InterruptedException {
        System.out.printf(
                "%-10s %6s %12s %8s %12s %15s %15s%n",
                "publishers", "batch", "events/s", "ratio", "bytes/event", "publisher cores", "broker cores");
        int rounds = args.count("rounds");
        for (int round = 0; round < rounds; round++) {
            double first = 0;
            for (int batch : args.numbers("batches")) {
                first = measure(1, batch, first);
            }
            for (int publishers : args.numbers("publishers")) {
                measure(publishers, 128, first);
            }
        }
    }

    /**
     * Two sources for each publisher, which send as fast as they can.
     *
     * @param first events a second of the round's first case; 0: this is the first case
     * @return the same
     */
    private double measure(int publishers, int batch, double first) throws IOException, InterruptedException {
        List<Worker> workers = new ArrayList<>();
        for (int i = 0; i < publishers; i++) {
            workers.add(Worker.start(
                    "rate-" + runs++,
                    Publisher.class,
                    folder,
                    List.of(),
                    List.of(
                            "--bootstrap=" + kafka.bootstrap(),
                            "--properties=" + args.text("properties"),
                            "--topic=" + TOPIC,
                            "--first-source=" + 2 * i,
                            "--sources=2",
                            "--each=" + ENDLESS,
                            "--rate=0",
                            "--batch=" + batch)));
        }
        long warm = TimeUnit.SECONDS.toMillis(args.number("warm-up", 1));
        for (Worker worker : workers) {
            while (worker.figure("millis") < warm) {
                worker.check();
                Thread.sleep(10);
            }
        }
        Sample begin = Sample.of(workers, brokers);
        Thread.sleep(TimeUnit.SECONDS.toMillis(args.number("seconds", 1)));
        Sample end = Sample.of(workers, brokers);
        for (Worker worker : workers) {
            worker.terminate();
        }
        for (Worker worker : workers) {
            worker.await(300);
            worker.check();
        }
        double rate = 0;
        long events = 0;
        long bytes = 0;
        for (int i = 0; i < publishers; i++) {
            Map<String, Long> from = begin.status.get(i);
            Map<String, Long> to = end.status.get(i);
            long acknowledged = difference("acknowledged", from, to);
            events += acknowledged;
            bytes += difference("bytes", from, to);
            rate += acknowledged * 1000.0 / difference("millis", from, to);
        }
        double seconds = (end.nanos - begin.nanos) / 1e9;
        double base = first == 0 ? rate : first;
        System.out.printf(
                "%-10d %6d %,12.0f %8.1f %12.1f %15.2f %15.2f%n",
                publishers,
                batch,
                rate,
                rate / base,
                (double) bytes / events,
                end.publishers.minus(begin.publishers).toNanos() / 1e9 / seconds,
                end.brokers.minus(begin.brokers).toNanos() / 1e9 / seconds);
        return base;
    }

    private static long difference(String figure, Map<String, Long> from, Map<String, Long> to) {
        return to.getOrDefault(figure, 0L) - from.getOrDefault(figure, 0L);
    }

    /** What all have said of themselves at one moment, and what they have used of the cores until then. */
    private record Sample(long nanos, List<Map<String, Long>> status, Duration publishers, Duration brokers) {

        static Sample of(List<Worker> workers, List<Broker> brokers) {
            return new Sample(
                    System.nanoTime(),
                    workers.stream().map(Worker::status).toList(),
                    workers.stream().map(Worker::cpu).reduce(Duration.ZERO, Duration::plus),
                    brokers.stream().map(Broker::cpu).reduce(Duration.ZERO, Duration::plus));
        }
    }
}
