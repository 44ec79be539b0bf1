package reactor.ffi.samples.ticks;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.context.ContextRegistry;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.web.server.context.WebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.http.MediaType;
import org.springframework.stereotype.Component;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.Mono;

/** The application of docs/spring.md with virtual threads and context propagation switched on. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SwitchedOnIT {

    private static final ThreadLocal<String> USER = new ThreadLocal<>();

    private static final HttpClient CLIENT = HttpClient.newHttpClient();
    private static ConfigurableApplicationContext application;
    private static int port;

    /** Puts the name of the user into Reactor's context of the request. */
    @Component
    static class UserFilter implements WebFilter {

        @Override
        public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
            String user = exchange.getRequest().getHeaders().getFirst("user");
            return user == null
                    ? chain.filter(exchange)
                    : chain.filter(exchange).contextWrite(context -> context.put("user", user));
        }
    }

    @RestController
    static class Requests {

        private final Ticks ticks;

        Requests(Ticks ticks) {
            this.ticks = ticks;
        }

        @GetMapping(path = "/users", produces = MediaType.TEXT_EVENT_STREAM_VALUE)
        Flux<String> users() {
            return ticks.ticks().take(3).map(_ -> String.valueOf(USER.get()));
        }

        @GetMapping("/waiting")
        String waiting() {
            Long tick = ticks.ticks().blockFirst();
            return "virtual: " + Thread.currentThread().isVirtual() + ", a tick: " + (tick != null);
        }
    }

    @BeforeAll
    static void start() {
        ContextRegistry.getInstance().registerThreadLocalAccessor("user", USER);
        application = SpringApplication.run(
                Ticks.class,
                "--spring.config.name=ticks",
                "--server.port=0",
                "--spring.threads.virtual.enabled=true",
                "--spring.reactor.context-propagation=auto");
        port = ((WebServerApplicationContext) application).getWebServer().getPort();
    }

    @AfterAll
    static void end() {
        application.close();
        CLIENT.close();
        Hooks.disableAutomaticContextPropagation();
        ContextRegistry.getInstance().removeThreadLocalAccessor("user");
    }

    private static CompletableFuture<String> get(String path, String user) {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                .header("user", user)
                .build();
        return CLIENT.sendAsync(request, BodyHandlers.ofString()).thenApply(HttpResponse::body);
    }

    @Test
    void eachBrowserOfASharedStreamHasItsOwnThreadLocals() throws Exception {
        CompletableFuture<String> ada = get("/users", "ada");
        CompletableFuture<String> grace = get("/users", "grace");
        assertThat(ada.get(60, TimeUnit.SECONDS).lines().filter(line -> !line.isEmpty()))
                .containsExactly("data:ada", "data:ada", "data:ada");
        assertThat(grace.get(60, TimeUnit.SECONDS).lines().filter(line -> !line.isEmpty()))
                .containsExactly("data:grace", "data:grace", "data:grace");
    }

    @Test
    void aBlockingRequestWaitsOnAVirtualThread() throws Exception {
        assertThat(get("/waiting", "ada").get(60, TimeUnit.SECONDS)).isEqualTo("virtual: true, a tick: true");
    }
}
