package reactor.ffi.samples.kafka;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The broker of the tests that do not kill it: one for all of them, so that the minutes do not go into the start of brokers. It
 * asks for a user and a password, and knows rights: without an entry for a topic everybody has them. It ends with this JVM.
 */
final class SharedBroker {

    /** The user of all clients. */
    static final String USER = "sensors";

    static final String PASSWORD = "measured";

    private static final List<String> SETTINGS = List.of(
            "listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms=PLAIN",
            "sasl.mechanism.inter.broker.protocol=PLAIN",
            "listener.name.plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required"
                    + " username=\"broker\" password=\"kept\" user_broker=\"kept\" user_" + USER + "=\"" + PASSWORD
                    + "\";",
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found=true",
            // On a machine that is very busy a broker that lives may be late.
            "broker.session.timeout.ms=60000");

    private static final Path FOLDER = Rig.folder("shared-" + System.currentTimeMillis());

    static final String PROPERTIES = properties(PASSWORD);

    /** The nodes, of which there is one; started at the first use of this class. */
    static final List<Broker> NODES = start();

    private SharedBroker() {}

    private static List<Broker> start() {
        try {
            return Broker.cluster(FOLDER, 1, Broker.SHORT_LIFE, SETTINGS, PROPERTIES);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Writes the file with which a client names the user and a password. */
    static String properties(String password) {
        try {
            return Files.write(
                            FOLDER.resolve(password + ".properties"),
                            List.of(
                                    "security.protocol=SASL_PLAINTEXT",
                                    "sasl.mechanism=PLAIN",
                                    "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required"
                                            + " username=\"" + USER + "\" password=\"" + password + "\";"))
                    .toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
