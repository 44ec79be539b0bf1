package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A cluster that asks for a user and a password, which a file of properties gives. */
@Tag("minutes")
class SecuredIT {

    private static final List<String> BROKER = List.of(
            "listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms=PLAIN",
            "sasl.mechanism.inter.broker.protocol=PLAIN",
            "listener.name.plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required"
                    + " username=\"broker\" password=\"kept\" user_broker=\"kept\" user_sensors=\"measured\";");

    @TempDir
    private Path folder;

    private String client(String password) throws IOException {
        return Files.write(
                        folder.resolve(password + ".properties"),
                        List.of(
                                "security.protocol=SASL_PLAINTEXT",
                                "sasl.mechanism=PLAIN",
                                "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required"
                                        + " username=\"sensors\" password=\"" + password + "\";"))
                .toString();
    }

    @Test
    void isReachedWithTheFileAndAWrongPasswordIsNamed() throws Exception {
        try (Rig rig = new Rig(1, BROKER, client("measured"))) {
            rig.aggregator("a");
            Worker publisher = rig.publisher("--each=5000");
            rig.agrees(publisher, 60);

            Worker stranger = rig.publisher("--properties=" + client("guessed"));
            assertThat(stranger.await(60)).isEqualTo(1);
            assertThat(stranger.log()).contains("ERROR: ").contains("the cluster does not know this client");
        }
    }
}
