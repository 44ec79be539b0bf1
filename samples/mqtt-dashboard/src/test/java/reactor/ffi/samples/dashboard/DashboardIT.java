package reactor.ffi.samples.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.web.reactive.function.client.WebClient;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The whole application in this JVM, from the callback to the server-sent event. */
class DashboardIT {

    private static final Duration SOON = Duration.ofSeconds(30);

    @TempDir
    private Path folder;

    @RegisterExtension
    private final Application application = new Application();

    private void startWith(Broker broker) {
        application.start("--source=mqtt", "--broker=" + broker.address());
    }

    private JsonNode get(String path) {
        String body = WebClient.create("http://127.0.0.1:" + application.port())
                .get()
                .uri(path)
                .exchangeToMono(response -> response.bodyToMono(String.class))
                .block(SOON);
        return new JsonMapper().readTree(body);
    }

    private double meter(String name) {
        return get("/actuator/metrics/" + name).at("/measurements/0/value").asDouble();
    }

    private static long count(Looker looker) {
        return looker.delivered() + looker.dropped();
    }

    /** The broker delivers to this browser from now on. */
    private static void awaitLive(Publisher publisher, Looker... lookers) {
        await().atMost(SOON).until(() -> {
            publisher.publish("warm/up", "1");
            return Stream.of(lookers).allMatch(looker -> looker.told() > 0);
        });
        publisher.publish("warm/up", "done");
        await().atMost(SOON)
                .until(() -> Stream.of(lookers).allMatch(looker -> "done".equals(looker.newest("warm/up"))));
    }

    @Test
    void withoutAnyArgumentItShowsThisMachine() {
        application.start();
        try (Looker one = new Looker(application.port());
                Looker two = new Looker(application.port())) {
            for (Looker looker : List.of(one, two)) {
                await().atMost(SOON).until(() -> looker.frames("machine/cpu-percent") >= 3);
                assertThat(Double.parseDouble(looker.newest("machine/memory-percent")))
                        .isBetween(0.1, 100.0);
                assertThat(Double.parseDouble(looker.newest("machine/load-1m"))).isNotNegative();
                await().atMost(SOON).until(() -> looker.kinds().equals(List.of("connected")));
            }
            await().atMost(SOON).until(() -> one.status().path("browsers").asInt() == 2);
            assertThat(one.status().path("connected").asBoolean()).isTrue();
            assertThat(meter("dashboard.browsers")).isEqualTo(2);
            assertThat(meter("dashboard.messages")).isGreaterThan(10);
            assertThat(meter("reactor.ffi.source.subscribers?tag=source:embedded"))
                    .as("two browsers and the application")
                    .isEqualTo(3);
            assertThat(meter("reactor.ffi.source.delivered?tag=source:embedded"))
                    .isGreaterThan(10);
            assertThat(meter("reactor.ffi.scheduler.turns?tag=scheduler:callbacks"))
                    .isPositive();
            assertThat(meter("reactor.ffi.pool.stubs")).isPositive();
            JsonNode health = get("/actuator/health");
            assertThat(health.at("/components/callbackScheduler/status").asString())
                    .isEqualTo("UP");
            assertThat(health.at("/components/callbackStreams/status").asString())
                    .isEqualTo("UP");

            application.close();
            await().atMost(SOON).until(() -> one.hasEnded() && two.hasEnded());
        }
    }

    @Test
    void messagesOfASecondClientAreCountedEndToEnd() {
        int all = 5_000;
        try (Broker broker = Broker.started(Needs.mosquitto(), folder);
                Publisher publisher = new Publisher(broker)) {
            startWith(broker);
            try (Looker one = new Looker(application.port());
                    Looker two = new Looker(application.port())) {
                awaitLive(publisher, one, two);
                long before = count(one);
                for (int i = 0; i < all; i++) {
                    publisher.publish("counted/" + i % 5, Integer.toString(i));
                }
                await().atMost(SOON).until(() -> count(one) - before == all);
                await().atMost(SOON).until(() -> Integer.toString(all - 1).equals(two.newest("counted/4")));
                for (Looker looker : List.of(one, two)) {
                    assertThat(looker.dropped()).isZero();
                    assertThat(looker.told()).isEqualTo(looker.delivered());
                    assertThat(IntStream.range(0, 5).mapToObj(i -> looker.messages("counted/" + i)))
                            .containsOnly(all / 5L);
                    assertThat(looker.newest("counted/4")).isEqualTo(Integer.toString(all - 1));
                }
                MqttClient client = application.bean(MqttClient.class);
                assertThat(client.registrations()).isOne();
                assertThat(broker.logged(" as dashboard-")).isOne();
            }
        }
    }

    @Test
    void aBrokerThatIsKilledAndStartedAgainIsSeenAndGoesOn() {
        try (Broker broker = Broker.started(Needs.mosquitto(), folder)) {
            startWith(broker);
            try (Looker looker = new Looker(application.port())) {
                try (Publisher publisher = new Publisher(broker)) {
                    awaitLive(publisher, looker);
                }
                broker.kill();
                await().atMost(SOON).until(() -> looker.kinds().contains("disconnected"));
                await().atMost(SOON)
                        .until(() -> !looker.status().path("connected").asBoolean());
                JsonNode health = get("/actuator/health");
                assertThat(health.at("/status").asString()).isEqualTo("DOWN");
                assertThat(health.at("/components/callbackStreams/status").asString())
                        .isEqualTo("DOWN");
                assertThat(health.at("/components/callbackScheduler/status").asString())
                        .isEqualTo("UP");

                broker.start();
                await().atMost(SOON)
                        .until(() -> looker.kinds().lastIndexOf("connected")
                                > looker.kinds().lastIndexOf("disconnected"));
                try (Publisher publisher = new Publisher(broker)) {
                    publisher.publish("after", "again");
                    await().atMost(SOON).until(() -> "again".equals(looker.newest("after")));
                }
                assertThat(get("/actuator/health").at("/status").asString()).isEqualTo("UP");
            }
        }
    }

    @Test
    void aBrowserThatDoesNotReadLosesItsOwnValuesAndHurtsNobody() throws IOException {
        String padding = "x".repeat(240);
        try (Broker broker = Broker.started(Needs.mosquitto(), folder);
                Publisher publisher = new Publisher(broker)) {
            application.start("--source=mqtt", "--broker=" + broker.address(), "--dashboard.write-timeout=10m");
            try (Socket slow = new Socket();
                    Looker quick = new Looker(application.port())) {
                slow.setReceiveBufferSize(4096);
                slow.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), application.port()));
                slow.getOutputStream()
                        .write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                awaitLive(publisher, quick);
                await().atMost(SOON).until(() -> quick.status().path("browsers").asInt() == 2);
                Feed feed = application.bean(Feed.class);
                long before = count(quick);
                int sent = 0;
                while (feed.droppedByBrowsers() == 0 && sent < 400_000) {
                    for (int i = 0; i < 500; i++, sent++) {
                        publisher.publish("wide/" + sent % 100, sent + padding);
                    }
                    long expected = before + sent;
                    await().atMost(SOON).until(() -> count(quick) == expected);
                }
                assertThat(feed.droppedByBrowsers()).isPositive();
                assertThat(quick.dropped()).isZero();
                assertThat(quick.told()).isEqualTo(quick.delivered());
            }
        }
    }

    @Test
    void theContextClosesWhileTheBrokerIsNotThere() {
        Broker broker = new Broker(Needs.mosquitto(), folder);
        startWith(broker);
        try (Looker looker = new Looker(application.port())) {
            await().atMost(SOON).until(() -> looker.kinds().contains("disconnected"));
            assertThat(get("/actuator/health")
                            .at("/components/callbackStreams/status")
                            .asString())
                    .isEqualTo("DOWN");
            assertThat(CompletableFuture.runAsync(application::close)).succeedsWithin(SOON);
            await().atMost(SOON).until(looker::hasEnded);
        }
    }
}
