package reactor.ffi.samples.ticks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.web.server.context.WebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import reactor.ffi.CallbackMetrics;

/** The application of docs/spring.md does what the document says of it. */
class TicksIT {

    private static final Duration SOON = Duration.ofSeconds(60);
    /** How long the web server would wait for a response that has no end. */
    private static final Duration LIMIT_OF_THE_WEB_SERVER = Duration.ofMinutes(10);

    private final HttpClient client = HttpClient.newHttpClient();
    private ConfigurableApplicationContext application;
    private int port;

    @BeforeEach
    void start() {
        application = SpringApplication.run(
                Ticks.class,
                "--spring.config.name=ticks",
                "--server.port=0",
                "--spring.lifecycle.timeout-per-shutdown-phase=" + LIMIT_OF_THE_WEB_SERVER.toSeconds() + "s",
                "--management.endpoint.health.show-details=always",
                "--management.metrics.export.defaults.enabled=false",
                "--management.prometheus.metrics.export.enabled=true");
        port = ((WebServerApplicationContext) application).getWebServer().getPort();
    }

    @AfterEach
    void end() {
        application.close();
        client.close();
    }

    private HttpRequest request(String path) {
        return HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                .build();
    }

    private String get(String path) throws Exception {
        return client.send(request(path), BodyHandlers.ofString()).body();
    }

    private CompletableFuture<Void> open(List<String> lines) {
        return client.sendAsync(request("/ticks"), BodyHandlers.ofLines())
                .thenAccept(response ->
                        response.body().filter(line -> !line.isEmpty()).forEach(lines::add));
    }

    @Test
    void browsersShareOneTimerAndTheActuatorTellsOfIt() throws Exception {
        assertThat(get("/actuator/health")).contains("\"ticks\":\"nobody subscribes\"");
        List<String> one = new CopyOnWriteArrayList<>();
        List<String> two = new CopyOnWriteArrayList<>();
        CompletableFuture<Void> first = open(one);
        CompletableFuture<Void> second = open(two);
        await().atMost(SOON).until(() -> one.size() > 3 && two.size() > 3);
        assertThat(one).allMatch(line -> line.startsWith("data:"));
        assertThat(first).isNotDone();
        assertThat(second).isNotDone();
        assertThat(get("/actuator/prometheus"))
                .contains("reactor_ffi_source_delivered_total{source=\"ticks\"}")
                .contains("reactor_ffi_source_subscribers{source=\"ticks\"} 2");
        assertThat(get("/actuator/callbacks"))
                .startsWith("{\"sources\":[")
                .contains(
                        "\"name\":\"ticks\",\"subscribers\":2",
                        "\"schedulers\":[{\"name\":\"callbacks\"",
                        "\"pool\":{");
        assertThat(get("/actuator/health"))
                .startsWith("{\"components\":{\"callbackScheduler\":{\"details\":{\"answeredWithinMicros\":")
                .contains("\"ticks\":\"connected\"");
    }

    @Test
    void theApplicationEndsWhileABrowserReads() {
        List<String> lines = new CopyOnWriteArrayList<>();
        CompletableFuture<Void> open = open(lines);
        await().atMost(SOON).until(() -> lines.size() > 3);
        assertThat(CompletableFuture.runAsync(application::close)).succeedsWithin(SOON);
        assertThat(open).succeedsWithin(SOON);
        assertThat(CallbackMetrics.of("ticks").subscribers()).isZero();
    }
}
