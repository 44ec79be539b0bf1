package reactor.ffi.samples.kafka;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.samples.kafka.wire.EventBatch;

/**
 * Simulates the publishers of many hosts by recorded load: one real publisher is recorded, then each simulated one replays its
 * batches in their time, as a source of its own, with a producer, a connection and a bound of its own. A real aggregator counts.
 */
public final class Fleet {

    /** What the program understands. */
    static final Map<String, String> DEFAULTS = Map.of("publishers", "1000", "each", "3000", "rate", "100");

    private static final String RECORDED = "reactor-ffi-recorded";
    private static final String EVENTS = "reactor-ffi-fleet";
    private static final String WINDOWS = "reactor-ffi-fleet-windows";
    private static final String REJECTED = "reactor-ffi-fleet-rejected";
    private static final int PARTITIONS = 12;
    private static final int BATCH = 128;

    /** Most bytes in flight of each publisher. */
    private static final int BOUND = 64 * 1024;

    private final Arguments args;
    private final Path folder;
    private final Kafka kafka;
    private final int size;
    private final long run = System.currentTimeMillis();
    private final Ledger ledger = new Ledger();

    private Fleet(Arguments args, Path folder, Kafka kafka) {
        this.args = args;
        this.folder = folder;
        this.kafka = kafka;
        this.size = args.count("publishers");
    }

    /**
     * Simulates and prints.
     *
     * @param args see {@link #DEFAULTS}
     */
    public static void main(String[] args) {
        Status.exitWith(() -> {
            Arguments arguments = Arguments.parse(args, DEFAULTS);
            Path folder = Files.createDirectories(Path.of(System.getProperty("kafka.target", "target"), "kafka"))
                    .resolve("fleet-" + System.currentTimeMillis());
            Files.createDirectories(folder);
            Broker broker = Broker.cluster(folder, 1, List.of(), List.of(), "").getFirst();
            boolean agrees;
            try (broker) {
                agrees = new Fleet(arguments, folder, Kafka.at(broker.address(), "")).run();
            }
            System.exit(agrees ? 0 : 1);
        });
    }

    private boolean run() throws IOException, InterruptedException {
        kafka.createTopics(List.of(RECORDED, EVENTS, WINDOWS, REJECTED), PARTITIONS);
        List<EventBatch> recording = record();
        Disposable reading = Windows.of(kafka, WINDOWS, () -> false).subscribe(ledger::add);
        try (Worker aggregator = Worker.start(
                "aggregator",
                Aggregator.class,
                folder,
                List.of(),
                List.of(
                        "--bootstrap=" + kafka.bootstrap(),
                        "--topic=" + EVENTS,
                        "--windows=" + WINDOWS,
                        "--rejected=" + REJECTED))) {
            aggregator.awaitReady(60);
            return replay(recording);
        } finally {
            reading.dispose();
        }
    }

    /** What a real publisher with one native source sends. */
    private List<EventBatch> record() throws IOException, InterruptedException {
        try (Worker publisher = Worker.start(
                "recorded",
                Publisher.class,
                folder,
                List.of(),
                List.of(
                        "--bootstrap=" + kafka.bootstrap(),
                        "--topic=" + RECORDED,
                        "--sources=1",
                        "--each=" + args.text("each"),
                        "--rate=" + args.text("rate"),
                        "--batch=" + BATCH,
                        "--batch-millis=1000"))) {
            publisher.await(600);
            publisher.check();
        }
        List<EventBatch> recording = Windows.records(kafka, RECORDED, () -> true)
                .<EventBatch>handle((record, sink) -> {
                    try {
                        sink.next(Batch.from(record).events());
                    } catch (ForeignRecordException e) {
                        sink.error(e);
                    }
                })
                .filter(batch -> batch.getValueCount() > 0)
                .collectList()
                .blockOptional()
                .orElseThrow();
        System.out.printf("recorded: %,d events in %d batches%n", events(recording), recording.size());
        return recording;
    }

    private static long events(List<EventBatch> recording) {
        return recording.stream().mapToLong(EventBatch::getValueCount).sum();
    }

    private boolean replay(List<EventBatch> recording) {
        long begin = System.nanoTime();
        Scheduler sending = Schedulers.newBoundedElastic(16, Integer.MAX_VALUE, "kafka-send");
        List<KafkaProducer<byte[], byte[]>> producers = new ArrayList<>();
        try {
            List<AcknowledgedSend> sends = new ArrayList<>();
            for (int i = 0; i < size; i++) {
                KafkaProducer<byte[], byte[]> producer = kafka.producer(settings());
                producers.add(producer);
                producer.partitionsFor(EVENTS);
                sends.add(new AcknowledgedSend(producer, EVENTS, PARTITIONS, BOUND, BATCH));
            }
            System.out.printf("%,d publishers connected in %.1f s%n", size, seconds(begin));

            ConcurrentLinkedQueue<Long> late = new ConcurrentLinkedQueue<>();
            long start = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
            Flux.range(0, size)
                    .flatMap(
                            i -> sends.get(i)
                                    .all(paced(recording, i, start, late).publishOn(sending, 1)),
                            size)
                    .blockLast();
            double took = seconds(start);
            long acknowledged =
                    sends.stream().mapToLong(AcknowledgedSend::acknowledged).sum();
            long all = size * events(recording);
            awaitWindows(acknowledged);
            long[] sorted = late.stream().mapToLong(Long::longValue).sorted().toArray();
            System.out.printf(
                    "%,d events in %,d records in %.1f s: %,.0f events/s; at most %,d bytes in flight of one publisher;"
                            + " a batch was sent %d ms late in the median, %d ms in 99 of 100%n",
                    acknowledged,
                    sorted.length,
                    took,
                    acknowledged / took,
                    sends.stream()
                            .max(Comparator.comparingLong(AcknowledgedSend::mostInFlight))
                            .orElseThrow()
                            .mostInFlight(),
                    sorted[sorted.length / 2],
                    sorted[sorted.length * 99 / 100]);
            long lost = all - ledger.covered(run);
            long doubled = ledger.doubled(run);
            System.out.printf(
                    "%,d replayed; %,d in windows after %.1f s: lost %d, doubled %d%n",
                    all, ledger.covered(run), seconds(start), lost, doubled);
            return lost == 0 && doubled == 0;
        } finally {
            producers.forEach(producer -> producer.close(Duration.ZERO));
            sending.dispose();
        }
    }

    /** The recording as the events of one host, each batch when it is due; the hosts do not begin at once. */
    private Flux<Batch> paced(List<EventBatch> recording, int source, long start, ConcurrentLinkedQueue<Long> late) {
        long phase = start + ThreadLocalRandom.current().nextLong(TimeUnit.SECONDS.toNanos(1));
        long first = recording.getFirst().getFirstMicros();
        return Flux.fromIterable(recording).concatMap(batch -> {
            long due = phase + TimeUnit.MICROSECONDS.toNanos(batch.getFirstMicros() - first);
            return Mono.delay(Duration.ofNanos(Math.max(0, due - System.nanoTime())))
                    .map(tick -> {
                        late.add(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - due));
                        return new Batch(
                                batch.toBuilder().setRun(run).setSource(source).build(), 0);
                    });
        });
    }

    private void awaitWindows(long acknowledged) {
        Flux.interval(Duration.ofMillis(100))
                .takeUntil(tick -> ledger.covered(run) >= acknowledged)
                .blockLast(Duration.ofMinutes(2));
    }

    private static Map<String, Object> settings() {
        return Map.of("acks", "all", "linger.ms", 5, "compression.type", "lz4", "buffer.memory", 4L * BOUND);
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) / 1e9;
    }
}
