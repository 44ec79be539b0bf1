package reactor.ffi.samples.kafka;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Measures how many events a second get from C to an acknowledged record: by the size of the batches, and by the number of
 * publishers. All in one run on one machine, with a broker of its own; the ratios say more than the figures.
 */
public final class Rates {

    /** What the program understands. */
    static final Map<String, String> DEFAULTS =
            Map.of("bootstrap", "", "properties", "", "rounds", "3", "events", "2000000");

    /** One event a record is so slow that fewer have to do. */
    private static final int FEWER = 10;

    private static final String TOPIC = "reactor-ffi-rates";
    private static final int PARTITIONS = 6;

    private final Path folder;
    private final Kafka kafka;
    private final long events;

    private int runs;

    private Rates(Path folder, Kafka kafka, long events) {
        this.folder = folder;
        this.kafka = kafka;
        this.events = events;
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
                new Rates(folder, kafka, arguments.number("events", 1000)).run(arguments.count("rounds"));
            } finally {
                brokers.forEach(Broker::close);
            }
            System.exit(0);
        });
    }

    private void run(int rounds) throws IOException, InterruptedException {
        System.out.printf("%-10s %6s %12s %14s %14s%n", "publishers", "batch", "events", "events/s", "bytes/event");
        for (int round = 0; round < rounds; round++) {
            for (int batch : new int[] {1, 16, 128, 1024}) {
                measure(1, batch, batch == 1 ? events / FEWER : events);
            }
            for (int publishers : new int[] {2, 4}) {
                measure(publishers, 128, events);
            }
        }
    }

    /** Two sources for each publisher, which send as fast as they can. */
    private void measure(int publishers, int batch, long all) throws IOException, InterruptedException {
        long each = all / publishers / 2;
        List<Worker> workers = new ArrayList<>();
        for (int i = 0; i < publishers; i++) {
            workers.add(Worker.start(
                    "rate-" + runs++,
                    Publisher.class,
                    folder,
                    List.of(),
                    List.of(
                            "--bootstrap=" + kafka.bootstrap(),
                            "--topic=" + TOPIC,
                            "--first-source=" + 2 * i,
                            "--sources=2",
                            "--each=" + each,
                            "--rate=0",
                            "--batch=" + batch)));
        }
        double rate = 0;
        long bytes = 0;
        for (Worker worker : workers) {
            worker.await(300);
            worker.check();
            rate += worker.figure("acknowledged") * 1000.0 / worker.figure("millis");
            bytes += worker.figure("bytes");
        }
        System.out.printf(
                "%-10d %6d %,12d %,14.0f %14.1f%n",
                publishers, batch, 2 * each * publishers, rate, (double) bytes / (2 * each * publishers));
    }
}
