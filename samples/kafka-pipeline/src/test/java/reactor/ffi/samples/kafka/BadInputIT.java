package reactor.ffi.samples.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.consumer.ConsumerRecord;
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
    static void start() throws Exception {
        rig = new Rig(
                1,
                List.of(
                        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                        "allow.everyone.if.no.acl.found=true"),
                "");
    }

    @AfterAll
    static void stop() {
        rig.close();
    }

    @Test
    void aWrongAddressIsNamed() throws Exception {
        Worker publisher = rig.publisher("--bootstrap=localhost:1");
        assertThat(publisher.await(60)).isEqualTo(1);
        assertThat(publisher.log()).contains("ERROR: ").contains("no broker answers at localhost:1 within 15 s");
    }

    @Test
    void aTopicThatIsNotThereIsNamed() throws Exception {
        Worker publisher = rig.publisher("--topic=nobody-made-this");
        assertThat(publisher.await(60)).isEqualTo(1);
        assertThat(publisher.log())
                .contains("ERROR: asking for the topic nobody-made-this failed")
                .contains("the topic is not there; create it");
    }

    @Test
    void rightsThatAreMissingAreNamed() throws Exception {
        forbid("secret", AclOperation.DESCRIBE);
        Worker publisher = rig.publisher("--topic=secret");
        assertThat(publisher.await(60)).isEqualTo(1);
        assertThat(publisher.log())
                .contains("ERROR: asking for the topic secret failed")
                .contains("give this client's user the rights");
    }

    @Test
    void theRightToWriteThatIsMissingIsNamedWithTheCountOfWhatMayBeLost() throws Exception {
        forbid("read-only", AclOperation.WRITE);
        Worker publisher = rig.publisher("--topic=read-only");
        assertThat(publisher.await(60)).isEqualTo(1);
        assertThat(publisher.log())
                .contains("ERROR: publishing to read-only has ended")
                .contains("Not authorized")
                .contains("delivered events 0 are acknowledged");
    }

    @Test
    void anAggregatorWithoutTheRightToWriteWindowsSaysSo() throws Exception {
        forbid("read-only-windows", AclOperation.WRITE);
        Worker aggregator = rig.aggregator("refused", "--windows=read-only-windows", "--group=refused");
        rig.publisher("--each=1000").await(60);
        assertThat(aggregator.await(60)).isEqualTo(1);
        assertThat(aggregator.log())
                .contains("ERROR: aggregating ")
                .contains("Not authorized")
                .contains("give this client's user the rights");
    }

    /** Makes a topic on which everybody may describe, read and write, but for one of these. */
    private static void forbid(String topic, AclOperation operation) throws Exception {
        rig.kafka.createTopics(List.of(topic), 6);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", rig.kafka.bootstrap()))) {
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
                new AccessControlEntry("User:ANONYMOUS", "*", operation, permission));
    }

    @Test
    void aRecordThatIsTooLargeEndsThePublisherWithTheCountOfWhatMayBeLost() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", rig.kafka.bootstrap()))) {
            rig.kafka.createTopics(List.of("small-records"), 6);
            admin.incrementalAlterConfigs(Map.of(
                            new ConfigResource(ConfigResource.Type.TOPIC, "small-records"),
                            List.of(new AlterConfigOp(
                                    new ConfigEntry("max.message.bytes", "2000"), AlterConfigOp.OpType.SET))))
                    .all()
                    .get();
        }
        Worker publisher = rig.publisher("--topic=small-records", "--batch=4096", "--rate=0", "--compression=none");
        assertThat(publisher.await(60)).isEqualTo(1);
        assertThat(publisher.log())
                .contains("ERROR: ")
                .contains("larger than the max")
                .contains("are acknowledged");
    }

    @Test
    void aBatchThatIsTooLargeForTheBoundIsRefusedAtOnce() throws Exception {
        Worker publisher = rig.publisher("--batch=100000", "--in-flight=1000");
        assertThat(publisher.await(60)).isEqualTo(1);
        assertThat(publisher.log()).contains("--in-flight is 1000 bytes; a batch of 100000 events may need");
    }

    @Test
    void recordsThatAreNotOursGoToATopicOfTheirOwnAndHurtNobody() throws Exception {
        Worker aggregator = rig.aggregator("rejecting");
        List<ConsumerRecord<byte[], byte[]>> rejected = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> producer = rig.kafka.producer(Map.of())) {
            producer.send(new ProducerRecord<>(rig.events(), "hello".getBytes(UTF_8)))
                    .get();
            ProducerRecord<byte[], byte[]> spoilt =
                    new ProducerRecord<>(rig.events(), 1, null, new byte[] {(byte) 0xff, 1, 2});
            spoilt.headers().add("ce_type", Batch.TYPE.getBytes(UTF_8));
            producer.send(spoilt).get();
            producer.send(new ProducerRecord<>(rig.events(), 2, null, null)).get();
        }
        Worker publisher = rig.publisher("--each=1000");
        rig.agrees(publisher, 60);
        await().atMost(Duration.ofSeconds(30)).until(() -> aggregator.figure("rejected") == 3);

        Windows.records(rig.kafka, rig.rejected(), () -> true).toStream().forEach(rejected::add);
        assertThat(rejected)
                .extracting(record -> new String(
                        record.headers().lastHeader("rejected-because").value(), UTF_8))
                .hasSize(3)
                .anyMatch(why -> why.contains("its header ce_type is \"\""))
                .anyMatch(why -> why.contains("its value is no EventBatch"));
    }

    @Test
    void anUnknownArgumentIsNamedWithTheKnownOnes() throws Exception {
        Worker publisher = rig.publisher("--speed=9");
        assertThat(publisher.await(60)).isEqualTo(1);
        assertThat(publisher.log()).contains("--speed is unknown; known are").contains("--rate");
    }
}
