package reactor.ffi.samples.kafka;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeSignals;
import reactor.ffi.Overflow;

/**
 * From C to a topic: native threads call back, the {@code Flux} is batched, each batch is one record, and at most so many
 * bytes are in flight. TERM and INT stop the native threads; what they have sent is published, then the JVM exits.
 *
 * <p>Order for each source; no record twice (an idempotent producer), as long as the process lives.
 */
public final class Publisher {

    private static final String NAME = "sensors";

    /** What the program understands. */
    static final Map<String, String> DEFAULTS = Map.ofEntries(
            Map.entry("bootstrap", ""),
            Map.entry("properties", ""),
            Map.entry("topic", "reactor-ffi-events"),
            Map.entry("first-source", "0"),
            Map.entry("sources", "6"),
            Map.entry("each", "100000"),
            Map.entry("rate", "10000"),
            Map.entry("overflow", "block"),
            Map.entry("queue", "65536"),
            Map.entry("wait", "300"),
            Map.entry("batch", "128"),
            Map.entry("batch-millis", "20"),
            Map.entry("in-flight", "4194304"),
            Map.entry("delivery-seconds", "300"),
            Map.entry("compression", "lz4"));

    private final Arguments args;
    private final Sensors sensors;
    private final long run = System.currentTimeMillis();

    /** When the native threads began, and when all was acknowledged; 0 before. */
    private volatile long begun = System.nanoTime();

    private volatile long ended;

    private Publisher(Arguments args) {
        this.args = args;
        this.sensors = new Sensors(
                (int) args.number("first-source", 0),
                args.count("sources"),
                args.number("each", 1),
                args.number("rate", 0));
    }

    /**
     * Publishes what the sources send, until they have sent all.
     *
     * @param args see {@link #DEFAULTS}
     */
    public static void main(String[] args) {
        Status.exitWith(() -> {
            new Publisher(Arguments.parse(args, DEFAULTS)).run();
        });
    }

    private void run() {
        Kafka kafka = Kafka.at(args.required("bootstrap"), args.text("properties"));
        String topic = args.text("topic");
        int partitions = kafka.partitions(topic); // and so send never has to wait for it
        Scheduler sending = Schedulers.newSingle("kafka-send");
        CallbackScheduler scheduler = CallbackScheduler.create(NAME);
        CallbackOptions options =
                CallbackOptions.named(NAME).on(scheduler).overflow(overflow()).maxWaiting(sensors.sources());
        int size = args.count("batch");
        try (KafkaProducer<byte[], byte[]> producer = kafka.producer(settings())) {
            AcknowledgedSend send =
                    new AcknowledgedSend(producer, topic, partitions, args.number("in-flight", 1), size);
            Disposable stop = NativeSignals.on("TERM", "INT").subscribe(signal -> sensors.stop());
            Disposable meter = Flux.interval(Duration.ZERO, Duration.ofMillis(250))
                    .onBackpressureDrop()
                    .subscribe(tick -> report("status", send));
            try {
                begun = System.nanoTime();
                new Batches(run, sensors, size)
                        .of(sensors.events(options), Duration.ofMillis(args.number("batch-millis", 1)))
                        .publishOn(sending, 16)
                        .as(send::all)
                        .block();
            } catch (RuntimeException e) {
                throw new IllegalStateException(
                        "publishing to " + topic + " has ended: " + e.getMessage() + ". Of "
                                + CallbackMetrics.of(NAME).delivered() + " delivered events " + send.acknowledged()
                                + " are acknowledged; the others may or may not be in the topic",
                        e);
            } finally {
                ended = System.nanoTime();
                meter.dispose();
                stop.dispose();
                report("done", send);
            }
        } finally {
            sending.dispose();
            scheduler.dispose();
        }
    }

    private Overflow overflow() {
        int queue = args.count("queue");
        return switch (args.text("overflow")) {
            case "block" -> Overflow.block(queue, Duration.ofSeconds(args.number("wait", 1)));
            case "drop" -> Overflow.dropNewest(queue);
            default ->
                throw new IllegalArgumentException(
                        "--overflow is " + args.text("overflow") + "; it must be block or drop");
        };
    }

    private Map<String, Object> settings() {
        Map<String, Object> settings = new HashMap<>();
        settings.put("acks", "all");
        settings.put("enable.idempotence", true);
        settings.put("compression.type", args.text("compression"));
        settings.put("linger.ms", 5);
        settings.put("batch.size", 128 * 1024);
        settings.put("delivery.timeout.ms", (int) (1000 * args.number("delivery-seconds", 1)));
        settings.put("request.timeout.ms", (int) Math.min(10_000, 1000 * args.number("delivery-seconds", 1) - 5));
        // After a minute without a broker the producer asks for the topic anew, and send waits for the answer.
        settings.put("max.block.ms", 1000 * args.number("delivery-seconds", 1));
        // More than may be in flight, so that send never waits for memory.
        settings.put("buffer.memory", 2 * args.number("in-flight", 1) + 8 * 1024 * 1024);
        return settings;
    }

    private void report(String what, AcknowledgedSend send) {
        CallbackMetrics seen = CallbackMetrics.of(NAME);
        Status.print(
                what,
                "run",
                run,
                "millis",
                TimeUnit.NANOSECONDS.toMillis((ended == 0 ? System.nanoTime() : ended) - begun),
                "sent",
                sensors.sent(),
                "delivered",
                seen.delivered(),
                "dropped",
                seen.dropped(),
                "discarded",
                seen.discarded(),
                "native-threads",
                sensors.threads(),
                "queued",
                seen.queued(),
                "acknowledged",
                send.acknowledged(),
                "records",
                send.records(),
                "bytes",
                send.bytes(),
                "in-flight",
                send.inFlight(),
                "most-in-flight",
                send.mostInFlight());
    }
}
