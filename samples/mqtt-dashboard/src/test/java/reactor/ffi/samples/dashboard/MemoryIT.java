package reactor.ffi.samples.dashboard;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A small heap, in a JVM of its own, against the largest topics and payloads that MQTT allows. */
class MemoryIT {

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final Pattern PORT = Pattern.compile("Netty started on port (\\d+)");
    private static final int LONGEST_TOPIC = 65_000;

    @TempDir
    private Path folder;

    private String output() {
        try {
            return Files.readString(folder.resolve("out.txt"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private int port() {
        Matcher port = PORT.matcher(output());
        return port.find() ? Integer.parseInt(port.group(1)) : 0;
    }

    @Test
    void topicsAndPayloadsOf64KbDoNotFillAHeapOf256Mb() throws Exception {
        try (Broker broker = Broker.started(Needs.mosquitto(), folder);
                Publisher publisher = new Publisher(broker)) {
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-Xmx256m",
                            "-XX:+ExitOnOutOfMemoryError",
                            "--enable-native-access=ALL-UNNAMED",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Dashboard.class.getName(),
                            "--server.port=0",
                            "--source=mqtt",
                            "--dashboard.write-timeout=10m",
                            "--broker=" + broker.address())
                    .directory(folder.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("out.txt").toFile())
                    .start();
            try {
                await("the port").atMost(SOON).until(() -> port() > 0);
                try (Socket slow = new Socket();
                        Looker one = new Looker(port());
                        Looker two = new Looker(port())) {
                    neverRead(slow);
                    flood(process, publisher, one, two);
                }
                assertThat(process.isAlive()).isTrue();
                assertThat(output()).doesNotContain("OutOfMemoryError", "ERROR");
            } finally {
                process.destroyForcibly().waitFor();
            }
        }
    }

    /** A browser whose queue gets full. */
    private void neverRead(Socket slow) throws IOException {
        slow.setReceiveBufferSize(4096);
        slow.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port()));
        slow.getOutputStream().write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(US_ASCII));
    }

    private void flood(Process process, Publisher publisher, Looker... lookers) {
        String topic = "t".repeat(LONGEST_TOPIC - 10);
        String payload = "p".repeat(LONGEST_TOPIC);
        publisher.publish("round", "begin");
        for (int round = 0; round < 4; round++) {
            for (int i = 0; i < 1500; i++) {
                publisher.publish(topic + i % 150, payload, 0); // fewer than a page may have
            }
            String now = "round " + round;
            publisher.publish("round", now);
            await(now).atMost(SOON).untilAsserted(() -> {
                assertThat(process.isAlive()).as("alive: %s", output()).isTrue();
                assertThat(output()).doesNotContain("OutOfMemoryError");
                assertThat(lookers).extracting(looker -> looker.newest("round")).containsOnly(now);
            });
        }
    }
}
