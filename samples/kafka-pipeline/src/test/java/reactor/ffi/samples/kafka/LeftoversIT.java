package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What an earlier session of a member has left behind: the next session waits for none of it, and commits none of it. */
@Tag("minutes")
class LeftoversIT {

    /** The head of a batch in Kafka's log: the offset, then how many bytes follow, then what tells a marker from records. */
    private static final int LENGTH_AT = 8;

    private static final int ATTRIBUTES_AT = 21;
    private static final int HEAD = 23;
    private static final int CONTROL = 0x20;

    @Test
    void ofATransactionThatIsStillOpen() throws Exception {
        try (Rig rig = Rig.shared()) {
            Worker publisher = rig.publisher("--each=1000");
            assertThat(publisher.await(Rig.LONG.toSeconds())).isZero();
            KafkaProducer<byte[], byte[]> killed = session(rig, "a");
            killed.close(Duration.ZERO); // the transaction stays open, as after kill -9

            rig.aggregator("a");
            rig.agrees(publisher);
        }
    }

    @Test
    void ofATransactionWhoseAbortTheBrokerHasLost() throws Exception {
        try (Rig rig = Rig.own(1)) {
            Worker publisher = rig.publisher("--each=1000");
            assertThat(publisher.await(Rig.LONG.toSeconds())).isZero();
            try (KafkaProducer<byte[], byte[]> spoilt = session(rig, "a")) {
                spoilt.abortTransaction();
            }
            awaitAborted(rig, "a");
            Broker broker = rig.brokers.getFirst();
            broker.kill();
            loseTheMarker(broker.data());
            broker.start();
            rig.awaitBrokers();

            rig.aggregator("a");
            rig.agrees(publisher);
        }
    }

    /** A session of a member that has read all events and is about to commit their offsets. */
    private static KafkaProducer<byte[], byte[]> session(Rig rig, String member) {
        KafkaProducer<byte[], byte[]> producer = rig.kafka.producer(
                Map.of("transactional.id", transactionalId(rig, member), "transaction.timeout.ms", 600_000));
        producer.initTransactions();
        producer.beginTransaction();
        try (KafkaConsumer<byte[], byte[]> consumer =
                rig.kafka.consumer(Map.of("group.id", rig.group(), "group.protocol", "consumer"))) {
            producer.sendOffsetsToTransaction(ends(rig, consumer), consumer.groupMetadata());
        }
        return producer;
    }

    private static String transactionalId(Rig rig, String member) {
        return rig.group() + "-" + member;
    }

    /** The markers are written after the answer to the abort. */
    private static void awaitAborted(Rig rig, String member) {
        String id = transactionalId(rig, member);
        try (Admin admin = rig.kafka.admin()) {
            await("the transaction is aborted")
                    .atMost(Rig.LONG)
                    .until(() -> admin.describeTransactions(List.of(id))
                                    .description(id)
                                    .get()
                                    .state()
                            == TransactionState.COMPLETE_ABORT);
        }
    }

    private static Map<TopicPartition, OffsetAndMetadata> ends(Rig rig, KafkaConsumer<byte[], byte[]> consumer) {
        return consumer.endOffsets(rig.kafka.all(rig.events())).entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, end -> new OffsetAndMetadata(end.getValue())));
    }

    /** Cuts the last batch, the marker of the only transaction, off the log of the offsets of a broker that is dead. */
    private static void loseTheMarker(Path data) throws IOException {
        int cut = 0;
        for (Path log : logsOfOffsets(data)) {
            try (FileChannel file = FileChannel.open(log, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                long last = lastBatch(file);
                if (file.size() > 0 && (head(file, last).getShort(ATTRIBUTES_AT) & CONTROL) != 0) {
                    file.truncate(last);
                    cut++;
                }
            }
        }
        assertThat(cut).as("markers that are lost now").isEqualTo(1);
    }

    private static List<Path> logsOfOffsets(Path data) throws IOException {
        try (Stream<Path> files = Files.walk(data)) {
            return files.filter(
                            file -> file.getParent().getFileName().toString().startsWith("__consumer_offsets-"))
                    .filter(file -> file.toString().endsWith(".log"))
                    .toList();
        }
    }

    private static long lastBatch(FileChannel file) throws IOException {
        long last = 0;
        for (long at = 0;
                at < file.size();
                at += LENGTH_AT + Integer.BYTES + head(file, at).getInt(LENGTH_AT)) {
            last = at;
        }
        return last;
    }

    private static ByteBuffer head(FileChannel file, long at) throws IOException {
        ByteBuffer head = ByteBuffer.allocate(HEAD);
        file.read(head, at);
        return head;
    }
}
