package reactor.ffi.samples.kafka;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import reactor.core.Exceptions;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.NativeSignals;
import reactor.ffi.samples.kafka.wire.WindowPart;
import reactor.util.retry.Retry;

/**
 * One member of the consumer group that turns events into windows, each exactly once: what one poll has brought is summed,
 * and the sums and the offsets are written in one transaction. A member that is killed leaves no half of it.
 *
 * <p>A session is a producer and a consumer. A session that an error has spoilt (a broker that died, a group that went on
 * without it) is thrown away and made anew; the brokers abort what it had begun. Records that are not of this sample go to a topic of their own, in the
 * same transaction.
 */
public final class Aggregator {

    /** What the program understands. */
    static final Map<String, String> DEFAULTS = Map.ofEntries(
            Map.entry("bootstrap", ""),
            Map.entry("properties", ""),
            Map.entry("topic", "reactor-ffi-events"),
            Map.entry("windows", "reactor-ffi-windows"),
            Map.entry("rejected", "reactor-ffi-rejected"),
            Map.entry("group", "reactor-ffi-aggregators"),
            Map.entry("member", "aggregator-1"),
            Map.entry("window-millis", "1000"),
            Map.entry("slow-millis", "0"));

    private static final Duration AGAIN = Duration.ofMillis(500);

    private final Arguments args;
    private final Kafka kafka;
    private final String member;
    private final String windows;
    private final int partitions;
    private final int rejectedPartitions;
    private final long windowMillis;
    private final long slowMillis;

    private volatile boolean stopped;

    /** How many partitions the member owned when it polled last. */
    private volatile int owned;

    private final LongAdder events = new LongAdder();
    private final LongAdder transactions = new LongAdder();
    private final LongAdder rejected = new LongAdder();

    private Aggregator(Arguments args) {
        this.args = args;
        this.kafka = Kafka.at(args.required("bootstrap"), args.text("properties"));
        this.member = args.text("member");
        this.windows = args.text("windows");
        this.windowMillis = args.number("window-millis", 1);
        this.slowMillis = args.number("slow-millis", 0);
        kafka.partitions(args.text("topic")); // one that is not there is said here
        this.partitions = kafka.partitions(windows);
        this.rejectedPartitions = kafka.partitions(args.text("rejected"));
    }

    /**
     * Aggregates until TERM or INT comes.
     *
     * @param args see {@link #DEFAULTS}
     */
    public static void main(String[] args) {
        Status.exitWith(() -> new Aggregator(Arguments.parse(args, DEFAULTS)).run());
    }

    private void run() {
        NativeSignals.on("TERM", "INT").subscribe(signal -> stopped = true);
        Scheduler receiving = Schedulers.newSingle("kafka-receive");
        Flux.interval(Duration.ofMillis(250), Schedulers.parallel())
                .onBackpressureDrop()
                .takeWhile(tick -> !stopped)
                .subscribe(tick -> report("status"));
        Flux.using(this::producer, this::session, producer -> producer.close(Duration.ZERO))
                .onErrorMap(Aggregator::reason)
                .subscribeOn(receiving)
                .retryWhen(Retry.fixedDelay(Long.MAX_VALUE, AGAIN)
                        .filter(error -> !isFinal(error) && !stopped)
                        .doBeforeRetry(
                                retry -> System.err.println(member + " begins a new session after " + retry.failure())))
                .onErrorMap(error -> stopped ? error : kafka.explain("aggregating " + args.text("topic"), error))
                .then()
                .block();
        report("done");
        System.exit(0); // the subscription to the signals keeps the JVM alive
    }

    /** A producer wraps the error that it has got, once for each method that is called afterwards. */
    private static Throwable reason(Throwable error) {
        Throwable reason = Exceptions.unwrap(error);
        return reason.getClass() == KafkaException.class && reason.getCause() instanceof KafkaException first
                ? first
                : reason;
    }

    /** What no new session cures. */
    private static boolean isFinal(Throwable error) {
        return error instanceof AuthorizationException || error instanceof UnknownTopicOrPartitionException;
    }

    private KafkaProducer<byte[], byte[]> producer() {
        Map<String, Object> settings = new HashMap<>();
        settings.put("transactional.id", args.text("group") + "-" + member);
        settings.put("transaction.timeout.ms", 10_000); // what a killed member has begun holds readers back so long
        settings.put("linger.ms", 0);
        settings.put("compression.type", "lz4");
        KafkaProducer<byte[], byte[]> producer = kafka.producer(settings);
        try {
            producer.initTransactions(); // aborts what an earlier session has begun
            Status.print("ready", "member", member);
            return producer;
        } catch (RuntimeException e) {
            producer.close(Duration.ZERO);
            throw e;
        }
    }

    /**
     * Aborts a transaction on every partition that an earlier session of this member may have written to. A broker that died
     * may have taken that session's transaction for aborted without a marker in the topic of offsets (seen with 4.3.0). Without
     * a marker the next commit of this member would also commit the offsets that the session had sent, but not its windows.
     */
    @SuppressWarnings("FutureReturnValueIgnored") // nothing of it is kept
    private void discardLeftovers(KafkaProducer<byte[], byte[]> producer, ConsumerGroupMetadata group) {
        producer.beginTransaction();
        for (int partition = 0; partition < partitions; partition++) {
            producer.send(new ProducerRecord<>(windows, partition, null, new byte[0]));
        }
        producer.flush();
        producer.sendOffsetsToTransaction(
                Map.of(new TopicPartition(args.text("topic"), 0), new OffsetAndMetadata(0)), group);
        producer.abortTransaction();
    }

    /** Polls and transactions in turn, on one thread: the next poll is not asked for before the transaction is over. */
    private Flux<Long> session(KafkaProducer<byte[], byte[]> producer) {
        return Flux.generate(
                () -> consumer(producer),
                (consumer, sink) -> {
                    ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(200));
                    owned = consumer.assignment().size();
                    if (!records.isEmpty()) {
                        write(producer, consumer, records);
                    }
                    sink.next(transactions.sum());
                    if (stopped) {
                        sink.complete();
                    }
                    return consumer;
                },
                consumer -> consumer.close(CloseOptions.timeout(Duration.ofSeconds(1))));
    }

    private KafkaConsumer<byte[], byte[]> consumer(KafkaProducer<byte[], byte[]> producer) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("group.id", args.text("group"));
        settings.put("group.protocol", "consumer"); // a member that joins or goes does not stop the others
        settings.put("enable.auto.commit", false);
        settings.put("auto.offset.reset", "earliest");
        settings.put("isolation.level", "read_committed");
        settings.put("client.id", member);
        KafkaConsumer<byte[], byte[]> consumer = kafka.consumer(settings);
        try {
            discardLeftovers(producer, consumer.groupMetadata());
            consumer.subscribe(List.of(args.text("topic")));
            return consumer;
        } catch (RuntimeException e) {
            consumer.close(CloseOptions.timeout(Duration.ZERO));
            throw e;
        }
    }

    @SuppressWarnings("FutureReturnValueIgnored") // an error of a send fails the commit
    private void write(
            KafkaProducer<byte[], byte[]> producer,
            KafkaConsumer<byte[], byte[]> consumer,
            ConsumerRecords<byte[], byte[]> records) {
        WindowSums sums = new WindowSums(windowMillis);
        long foreign = 0;
        producer.beginTransaction();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            try {
                sums.add(Batch.from(record));
            } catch (ForeignRecordException e) {
                foreign++;
                producer.send(rejected(record, e));
                System.err.println(member + " rejects " + record.topic() + "-" + record.partition() + " at "
                        + record.offset() + ": " + e.getMessage());
            }
        }
        for (WindowPart part : sums.parts()) {
            producer.send(new ProducerRecord<>(
                    windows,
                    part.getSource() % partitions,
                    ByteBuffer.allocate(12)
                            .putInt(part.getSource())
                            .putLong(part.getWindowMillis())
                            .array(),
                    part.toByteArray()));
        }
        producer.sendOffsetsToTransaction(records.nextOffsets(), consumer.groupMetadata());
        if (slowMillis > 0) {
            pause();
        }
        producer.commitTransaction();
        events.add(sums.events());
        rejected.add(foreign);
        transactions.increment();
    }

    private ProducerRecord<byte[], byte[]> rejected(ConsumerRecord<byte[], byte[]> record, ForeignRecordException why) {
        ProducerRecord<byte[], byte[]> copy = new ProducerRecord<>(
                args.text("rejected"),
                record.partition() % rejectedPartitions,
                record.key(),
                record.value(),
                record.headers());
        copy.headers().add("rejected-because", String.valueOf(why.getMessage()).getBytes(StandardCharsets.UTF_8));
        copy.headers()
                .add(
                        "rejected-from",
                        (record.topic() + "-" + record.partition() + "@" + record.offset())
                                .getBytes(StandardCharsets.UTF_8));
        return copy;
    }

    /** For tests of a slow member. */
    private void pause() {
        try {
            Thread.sleep(slowMillis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void report(String what) {
        Status.print(
                what,
                "member",
                member,
                "partitions",
                owned,
                "events",
                events,
                "transactions",
                transactions,
                "rejected",
                rejected);
    }
}
