package reactor.ffi.samples.dashboard;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.convert.DurationStyle;

/** What somebody does who means no good, or whose machine sleeps: by real sockets. */
class AttackIT {

    private static final Duration SOON = Duration.ofSeconds(30);

    @TempDir
    private Path folder;

    @RegisterExtension
    private final Application application = new Application();

    private Socket connect() throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(4096);
        socket.setSoTimeout((int) SOON.toMillis());
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), application.port()));
        return socket;
    }

    private static void send(Socket socket, String request) throws IOException {
        socket.getOutputStream().write(request.replace("\n", "\r\n").getBytes(US_ASCII));
    }

    private String get(String path, String headers) throws IOException {
        try (Socket socket = connect()) {
            send(socket, "GET " + path + " HTTP/1.1\n" + headers + "Connection: close\n\n");
            return new String(socket.getInputStream().readAllBytes(), US_ASCII);
        }
    }

    private String get(String path) throws IOException {
        return get(path, "Host: localhost:" + application.port() + "\n");
    }

    /** The beginning of an answer that has no end. */
    private String status(String path, String headers) throws IOException {
        try (Socket socket = connect()) {
            send(socket, "GET " + path + " HTTP/1.1\n" + headers + "\n");
            return new String(socket.getInputStream().readNBytes(12), US_ASCII);
        }
    }

    @Test
    void aNameThatWasBoundToThisAddressIsRefused() throws IOException {
        application.start();
        for (String host : new String[] {
            "Host: attacker.example\n",
            "Host: attacker.example:8080\n",
            "Host: localhost.attacker.example\n",
            "Host: 127.0.0.1.attacker.example\n",
            "Host: attacker.example, localhost\n",
            "Host: localhost\nHost: attacker.example\n",
            "Host: [attacker.example]\n",
            "Host: localhost:80:80\n",
            "Host: \n"
        }) {
            for (String path : new String[] {"/", "/index.html", "/events", "/actuator/health", "/actuator/metrics"}) {
                assertThat(status(path, host)).as("%s%s", path, host).containsAnyOf(" 421", " 400");
            }
        }
    }

    @Test
    void namesOfThisServerAndAddressesAreAnswered() throws IOException {
        application.start("--dashboard.hosts=my-machine,other");
        for (String host : new String[] {
            "localhost", "LOCALHOST:8080", "127.0.0.1", "192.168.178.20:8080", "[::1]:8080", "My-Machine:80"
        }) {
            for (String path : new String[] {"/", "/events"}) {
                assertThat(status(path, "Host: " + host + "\n"))
                        .as("%s of %s", path, host)
                        .isEqualTo("HTTP/1.1 200");
            }
        }
    }

    @Test
    void eachResponseHasTheSecurityHeaders() throws IOException {
        application.start();
        for (String path : new String[] {"/", "/charts.js", "/actuator/health", "/not/there", "/actuator/not/there"}) {
            assertHasSecurityHeaders(get(path));
        }
        assertHasSecurityHeaders(get("/", "Host: attacker.example\n"));
    }

    private static void assertHasSecurityHeaders(String response) {
        String headers = response.substring(0, response.indexOf("\r\n\r\n"));
        assertThat(headers.lines())
                .anyMatch(line -> line.startsWith("Content-Security-Policy: default-src 'self'")
                        && line.contains("frame-ancestors 'none'"))
                .contains(
                        "X-Content-Type-Options: nosniff",
                        "X-Frame-Options: DENY",
                        "Referrer-Policy: no-referrer",
                        "Cross-Origin-Resource-Policy: same-origin");
    }

    @Test
    void healthTellsNoPathOfThisMachine() throws IOException {
        application.start();
        assertThat(get("/actuator/health"))
                .contains("\"callbackScheduler\"", "\"callbackStreams\"")
                .doesNotContain(Path.of("").toAbsolutePath().toString(), System.getProperty("java.home"), "diskSpace");
    }

    @Test
    void aBrowserThatNeverReadsIsDisconnected() throws IOException {
        String padding = "x".repeat(240);
        try (Broker broker = Broker.started(Needs.mosquitto(), folder);
                Publisher publisher = new Publisher(broker)) {
            application.start("--source=mqtt", "--broker=" + broker.address(), "--dashboard.write-timeout=2s");
            Feed feed = application.bean(Feed.class);
            try (Socket slow = connect();
                    Looker quick = new Looker(application.port())) {
                send(slow, "GET /events HTTP/1.1\nHost: localhost\n\n");
                await().atMost(SOON).until(() -> feed.browsers() == 2);
                await("the one that does not read is gone").atMost(SOON).until(() -> {
                    for (int i = 0; i < 100; i++) {
                        publisher.publish("wide/" + i, i + padding);
                    }
                    return feed.browsers() == 1;
                });
                assertThat(hasEnd(slow)).as("the socket was closed").isTrue();
                long told = quick.told();
                publisher.publish("wide/0", "still there");
                await("the other one goes on").atMost(SOON).until(() -> quick.told() > told);
                assertThat(quick.hasEnded()).isFalse();
            }
        }
    }

    @Test
    void aConnectionThatNeverAsksIsClosed() throws IOException {
        application.start("--server.netty.idle-timeout=1s");
        try (Socket silent = connect()) {
            assertThat(hasEnd(silent)).isTrue();
        }
    }

    @Test
    void noConnectionIsWaitedForWithoutALimit() {
        application.start();
        for (String limit : new String[] {"dashboard.write-timeout", "server.netty.idle-timeout"}) {
            assertThat(DurationStyle.detectAndParse(application.property(limit)))
                    .isBetween(Duration.ofSeconds(5), Duration.ofMinutes(1));
        }
    }

    /** Whether the server has closed it: all is read, and then there is nothing, or an error. */
    private static boolean hasEnd(Socket socket) throws IOException {
        try {
            socket.getInputStream().transferTo(OutputStream.nullOutputStream());
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (SocketException e) {
            return true; // reset, for what it had not read
        }
    }
}
