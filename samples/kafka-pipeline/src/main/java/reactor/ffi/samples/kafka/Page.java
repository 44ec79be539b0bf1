package reactor.ffi.samples.kafka;

import io.netty.channel.ChannelOption;
import java.io.IOException;
import java.io.InputStream;
import java.net.BindException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Sinks;
import reactor.ffi.samples.kafka.wire.WindowPart;
import reactor.netty.ChannelBindException;
import reactor.netty.DisposableServer;
import reactor.netty.http.server.HttpServer;
import reactor.netty.http.server.HttpServerResponse;

/**
 * The windows on a page, by server-sent events. The page adds up the parts of a window; a browser that comes late gets the
 * last minute's parts first, one that reads too slowly is cut off and comes again by itself.
 */
final class Page implements AutoCloseable {

    private static final Duration HISTORY = Duration.ofMinutes(1);
    private static final int MOST = 20_000;

    private final Sinks.Many<String> parts = Sinks.many().replay().limit(MOST, HISTORY);
    private final DisposableServer server;

    private Page(int port) {
        this.server = HttpServer.create()
                .host("127.0.0.1")
                .port(port)
                .option(ChannelOption.SO_REUSEADDR, true)
                .route(routes -> routes.get("/", (request, response) -> html(response))
                        .get(
                                "/windows",
                                (request, response) -> response.sse()
                                        .header("Cache-Control", "no-store")
                                        .sendString(
                                                parts.asFlux()
                                                        .onBackpressureBuffer(MOST)
                                                        .map(json -> "data: " + json + "\n\n"),
                                                StandardCharsets.UTF_8)))
                .bindNow();
    }

    /**
     * Starts the server on the loopback interface.
     *
     * @param port 0, or one that is taken: any free one
     */
    static Page start(int port) {
        try {
            return new Page(port);
        } catch (ChannelBindException e) {
            if (e.getCause() instanceof BindException && port != 0) {
                return new Page(0);
            }
            throw e;
        }
    }

    private static Publisher<Void> html(HttpServerResponse response) {
        try (InputStream page = Page.class.getResourceAsStream("/page/index.html")) {
            if (page == null) {
                return response.sendNotFound();
            }
            return response.header("Content-Type", "text/html; charset=utf-8")
                    .header(
                            "Content-Security-Policy",
                            "default-src 'self' 'unsafe-inline'; img-src data:; frame-ancestors 'none'")
                    .header("X-Content-Type-Options", "nosniff")
                    .sendByteArray(Flux.just(page.readAllBytes()));
        } catch (IOException e) {
            return Flux.error(e);
        }
    }

    /** Adds a part to what browsers see. One thread. */
    void show(WindowPart part) {
        parts.tryEmitNext(String.format(
                Locale.ROOT,
                "{\"source\":%d,\"window\":%d,\"count\":%d,\"sum\":%.3f,\"min\":%.3f,\"max\":%.3f,\"dropped\":%d}",
                part.getSource(),
                part.getWindowMillis(),
                part.getCount(),
                part.getSum(),
                part.getMin(),
                part.getMax(),
                part.getDropped()));
    }

    String address() {
        return "http://localhost:" + server.port();
    }

    @Override
    public void close() {
        parts.tryEmitComplete();
        server.disposeNow(Duration.ofSeconds(3));
    }
}
