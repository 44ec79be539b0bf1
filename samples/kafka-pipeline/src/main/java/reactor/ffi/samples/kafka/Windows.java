package reactor.ffi.samples.kafka;

import com.google.protobuf.InvalidProtocolBufferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import reactor.core.Exceptions;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.samples.kafka.wire.WindowPart;

/** What is on a topic, as a {@code Flux}: all of it, from the first record on, and of a transaction all or nothing. */
final class Windows {

    /** A thread for each reader. It is not interrupted at a cancellation, which ends the next poll and closes the consumer. */
    private static final Scheduler READING = Schedulers.fromExecutor(
            task -> Thread.ofPlatform().daemon().name("kafka-read").start(task), true);

    private Windows() {}

    /**
     * The parts of windows. Each subscriber reads for itself.
     *
     * @param ended completes the stream at the end of all partitions if this is true then
     */
    static Flux<WindowPart> of(Kafka kafka, String topic, BooleanSupplier ended) {
        return records(kafka, topic, ended).map(Windows::part);
    }

    /**
     * The records of a topic, in the order of each partition.
     *
     * @param ended completes the stream at the end of all partitions if this is true then
     */
    static Flux<ConsumerRecord<byte[], byte[]>> records(Kafka kafka, String topic, BooleanSupplier ended) {
        return Flux.<List<ConsumerRecord<byte[], byte[]>>, KafkaConsumer<byte[], byte[]>>generate(
                        () -> consumer(kafka, topic),
                        (consumer, sink) -> {
                            List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
                            consumer.poll(Duration.ofMillis(100)).forEach(all::add);
                            sink.next(all);
                            if (all.isEmpty() && ended.getAsBoolean() && isAtEnd(consumer)) {
                                sink.complete();
                            }
                            return consumer;
                        },
                        KafkaConsumer::close)
                .subscribeOn(READING)
                .concatMapIterable(all -> all, 1);
    }

    /** A poll that brings nothing does not say so: the answer of a broker may be late. */
    private static boolean isAtEnd(KafkaConsumer<byte[], byte[]> consumer) {
        return consumer.endOffsets(consumer.assignment()).entrySet().stream()
                .allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
    }

    private static KafkaConsumer<byte[], byte[]> consumer(Kafka kafka, String topic) {
        List<TopicPartition> all = kafka.all(topic);
        KafkaConsumer<byte[], byte[]> consumer =
                kafka.consumer(Map.of("enable.auto.commit", false, "isolation.level", "read_committed"));
        consumer.assign(all);
        consumer.seekToBeginning(all);
        return consumer;
    }

    private static WindowPart part(ConsumerRecord<byte[], byte[]> record) {
        try {
            return WindowPart.parseFrom(record.value());
        } catch (InvalidProtocolBufferException e) {
            throw Exceptions.propagate(new ForeignRecordException(record.topic() + "-" + record.partition() + " at "
                    + record.offset() + " is no WindowPart: " + e.getMessage()));
        }
    }
}
