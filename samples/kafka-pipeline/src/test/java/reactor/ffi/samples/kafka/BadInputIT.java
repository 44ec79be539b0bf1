package reactor.ffi.samples.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What an operator gets wrong, and what others put on a topic: an error that says so, and nothing lost in silence. */
@Tag("minutes")
class BadInputIT {

    private static Rig rig;

    @BeforeAll
    static void start() {
        rig = Rig.shared();
    }

    @AfterAll
    static void stop() {
        rig.close();
    }

    /** Starts a publisher, which has to end with exit code 1 and with an error that says this. */
    private static void assertRefused(List<String> args, String... said) throws Exception {
        assertEndsWithError(rig.publisher(args.toArray(String[]::new)), said);
    }

    private static void assertEndsWithError(Worker worker, String... said) throws Exception {
        assertThat(worker.await(Rig.LONG.toSeconds())).as(worker.log()).isEqualTo(1);
        assertThat(worker.log()).contains("ERROR: ").contains(said);
    }

    @Test
    void aWrongAddressIsNamed() throws Exception {
        assertRefused(List.of("--bootstrap=localhost:1"), "no broker answers at localhost:1 within 15 s");
    }

    @Test
    void aWrongPasswordIsNamed() throws Exception {
        assertRefused(
                List.of("--properties=" + SharedBroker.properties("guessed")), "the cluster does not know this client");
    }

    @Test
    void aTopicThatIsNotThereIsNamed() throws Exception {
        assertRefused(
                List.of("--topic=nobody-made-this"),
                "ERROR: asking for the topic nobody-made-this failed",
                "the topic is not there; create it");
    }

    @Test
    void rightsThatAreMissingAreNamed() throws Exception {
        forbid("secret", AclOperation.DESCRIBE);
        assertRefused(
                List.of("--topic=secret"),
                "ERROR: asking for the topic secret failed",
                "give this client's user the rights");
    }

    @Test
    void theRightToWriteThatIsMissingIsNamedWithTheCountOfWhatMayBeLost() throws Exception {
        forbid("read-only", AclOperation.WRITE);
        assertRefused(
                List.of("--topic=read-only"),
                "ERROR: publishing to read-only has ended",
                "Not authorized",
                "delivered events 0 are acknowledged");
    }

    @Test
    void anAggregatorWithoutTheRightToWriteWindowsSaysSo() throws Exception {
        forbid("read-only-windows", AclOperation.WRITE);
        Worker aggregator = rig.aggregator("refused", "--windows=read-only-windows", "--group=refused");
        rig.publisher("--each=1000").await(Rig.LONG.toSeconds());
        assertEndsWithError(aggregator, "ERROR: aggregating ", "Not authorized", "give this client's user the rights");
    }

    /** Makes a topic on which everybody may describe, read and write, but for one of these. */
    private static void forbid(String topic, AclOperation operation) throws Exception {
        rig.kafka.createTopics(List.of(topic), Rig.PARTITIONS);
        try (Admin admin = rig.kafka.admin()) {
            admin.createAcls(List.of(
                            acl(topic, AclOperation.ALL, AclPermissionType.ALLOW),
                            acl(topic, operation, AclPermissionType.DENY)))
                    .all()
                    .get();
        }
    }

    private static AclBinding acl(String topic, AclOperation operation, AclPermissionType permission) {
        return new AclBinding(
                new ResourcePattern(ResourceType.TOPIC, topic, PatternType.LITERAL),
                new AccessControlEntry("User:" + SharedBroker.USER, "*", operation, permission));
    }

    @Test
    void aRecordThatIsTooLargeEndsThePublisherWithTheCountOfWhatMayBeLost() throws Exception {
        rig.kafka.createTopics(List.of("small-records"), Rig.PARTITIONS);
        try (Admin admin = rig.kafka.admin()) {
            admin.incrementalAlterConfigs(Map.of(
                            new ConfigResource(ConfigResource.Type.TOPIC, "small-records"),
                            List.of(new AlterConfigOp(
                                    new ConfigEntry("max.message.bytes", "2000"), AlterConfigOp.OpType.SET))))
                    .all()
                    .get();
        }
        // A record for itself: a request of several records the producer splits, and sends again.
        assertRefused(
                List.of(
                        "--topic=small-records",
                        "--sources=1",
                        "--batch=65536",
                        "--batch-millis=60000",
                        "--rate=0",
                        "--compression=none"),
                "larger than the max",
                "are acknowledged");
    }

    @Test
    void aBatchThatIsTooLargeForTheBoundIsRefusedAtOnce() throws Exception {
        assertRefused(
                List.of("--batch=100000", "--in-flight=1000"),
                "--in-flight is 1000 bytes; a batch of 100000 events may need");
    }

    @Test
    void recordsThatAreNotOursGoToATopicOfTheirOwnAndHurtNobody() throws Exception {
        try (Rig own = Rig.shared()) {
            Worker aggregator = own.aggregator("rejecting");
            ProducerRecord<byte[], byte[]> spoilt =
                    new ProducerRecord<>(own.events(), 1, null, new byte[] {(byte) 0xff, 1, 2});
            spoilt.headers().add("ce_type", Batch.TYPE.getBytes(UTF_8));
            try (KafkaProducer<byte[], byte[]> producer = own.kafka.producer(Map.of())) {
                producer.send(new ProducerRecord<>(own.events(), "hello".getBytes(UTF_8)))
                        .get();
                producer.send(spoilt).get();
                producer.send(new ProducerRecord<>(own.events(), 2, null, null)).get();
            }
            own.agrees(own.publisher("--each=1000"));
            await().atMost(Rig.LONG).until(() -> aggregator.figure("rejected") == 3);

            assertThat(Windows.records(own.kafka, own.rejected(), () -> true).toStream())
                    .extracting(record -> new String(
                            record.headers().lastHeader("rejected-because").value(), UTF_8))
                    .hasSize(3)
                    .anyMatch(why -> why.contains("its header ce_type is \"\""))
                    .anyMatch(why -> why.contains("its value is no EventBatch"));
        }
    }

    @Test
    void anUnknownArgumentIsNamedWithTheKnownOnes() throws Exception {
        assertRefused(List.of("--speed=9"), "--speed is unknown; known are", "--rate");
    }
}
