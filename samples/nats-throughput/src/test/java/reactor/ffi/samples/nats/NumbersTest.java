package reactor.ffi.samples.nats;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeFlux;
import reactor.ffi.PoolMetrics;
import reactor.ffi.samples.nats.Numbers.OnMsg;

/** A subject of a real server as a Flux. */
class NumbersTest {

    private static NatsServer server;

    private NatsConnection connection;
    private Numbers numbers;

    @BeforeAll
    static void startsAServer() throws Exception {
        Installed.natsAndServer();
        server = NatsServer.start(NatsServer.folders());
    }

    @AfterAll
    static void stopsTheServer() {
        if (server != null) {
            server.close();
        }
    }

    @BeforeEach
    void connects() throws Throwable {
        connection = new NatsConnection(server.url(), "test");
        numbers = new Numbers(connection);
    }

    @AfterEach
    void disconnects() {
        connection.close();
    }

    @Test
    void numbersArriveInTheirOrderAndTheEmptyMessageCompletes() throws Throwable {
        CompletableFuture<List<Long>> all =
                numbers.flux(CallbackOptions.named("in-order")).collectList().toFuture();
        List<Long> published = new ArrayList<>();
        for (long number = 0; number < 1000; number++) {
            connection.publish(number);
            published.add(number);
        }
        connection.publishEnd();
        connection.flush();

        assertThat(all.get(20, SECONDS)).isEqualTo(published);
        assertThat(numbers.freed()).as("1000 numbers and the empty message").isEqualTo(1001);
    }

    @Test
    void aMessageThatIsNoNumberEndsTheStreamAndIsFreedOnce() throws Throwable {
        CompletableFuture<List<Long>> all =
                numbers.flux(CallbackOptions.named("no-number")).collectList().toFuture();
        try (Arena arena = Arena.ofConfined()) {
            Nats.publish(connection.pointer(), connection.subject(), arena.allocateFrom("hello"), 5);
        }
        connection.flush();

        assertThatThrownBy(() -> all.get(20, SECONDS)).hasMessageContaining("a message has 5 bytes");
        assertThat(numbers.freed()).as("by the fallback").isEqualTo(1);
        assertThat(numbers.received()).isZero();
    }

    @Test
    void allSubscriptionsShareOnePointerAndOnCompleteLetsGoOfTheirFallbacksAtOnce() throws Throwable {
        int subscriptions = 50;
        int before = PoolMetrics.now().quarantined();
        CompletableFuture<Void> done = numbers.flux(CallbackOptions.named("handshake"))
                .take(1)
                .repeat(subscriptions - 1)
                .then()
                .toFuture();
        while (!done.isDone()) {
            connection.publish(1);
            connection.flush();
        }
        done.get();

        assertThat(numbers.pointers()).isEqualTo(1);
        // Without the handshake the fallback of each subscription is kept for ten seconds.
        assertThat(PoolMetrics.now().quarantined() - before).isLessThan(subscriptions / 2);
    }

    /** Without the round trip before its end the reader of nats.c writes to a subscription that is freed: the JVM aborts. */
    @Test
    void subscriptionsMayEndWhileMessagesForThemPourIn() throws Throwable {
        int subscriptions = 1000;
        CompletableFuture<Void> done = numbers.flux(CallbackOptions.named("poured"))
                .take(1)
                .repeat(subscriptions - 1)
                .then()
                .toFuture();
        try (NatsConnection publisher = new NatsConnection(server.url(), "test")) {
            for (long number = 0; !done.isDone(); number++) {
                publisher.publish(number);
                if (number % 256 == 0) {
                    publisher.flush();
                }
            }
        }
        done.get();

        assertThat(numbers.freed()).isGreaterThanOrEqualTo(subscriptions);
    }

    @Test
    void lateMessagesAreFreedByTheFallback() throws Throwable {
        int late = 20_000;
        int size = 16 << 10;
        AtomicReference<MemorySegment> pointer = new AtomicReference<>();
        AtomicReference<MemorySegment> closure = new AtomicReference<>();
        CompletableFuture<Void> unregistered = new CompletableFuture<>();
        Disposable subscription = NativeFlux.<Long>create(CallbackOptions.named("late"), sink -> {
                    sink.onDispose(() -> unregistered.complete(null));
                    pointer.set(numbers.onMsg(sink));
                    closure.set(sink.userData());
                })
                .subscribe();
        subscription.dispose();
        unregistered.get(20, SECONDS);

        // nats.c calls late when its thread has taken a message off its list just before the end. Nobody can time that,
        // so we
        // do what it does: the real function pointer, a real message, which the callee has to free.
        OnMsg call = CFunction.at(pointer.get(), OnMsg.class);
        long before = residentBytes();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(size).fill((byte) 1);
            for (int i = 0; i < late; i++) {
                MemorySegment msg = Nats.createMsg(connection.subject(), data, size);
                call.message(MemorySegment.NULL, MemorySegment.NULL, msg, closure.get());
            }
        }

        assertThat(CallbackMetrics.of("late").lateCalls()).isEqualTo(late);
        assertThat(numbers.freed()).isEqualTo(late);
        assertThat(numbers.received()).isZero();
        assertThat(residentBytes() - before)
                .as("bytes that the process has grown by, of %d", (long) late * size)
                .isLessThan((long) late * size / 3);
    }

    @Test
    void aCancelFromInsideOnNextUnsubscribes() throws Throwable {
        Flux<Long> flux = numbers.flux(CallbackOptions.named("cancel"));
        CompletableFuture<Long> first = flux.next().toFuture();
        connection.publish(7);
        connection.flush();
        assertThat(first.get(20, SECONDS)).isEqualTo(7);

        // This one registers when the first has unregistered. If that were still subscribed, nats.c would call it too.
        CompletableFuture<Void> registered = new CompletableFuture<>();
        CompletableFuture<Void> second =
                flux.doOnNext(number -> registered.complete(null)).then().toFuture();
        while (!registered.isDone()) {
            connection.publish(8);
            connection.flush();
        }
        for (int i = 0; i < 100_000; i++) {
            connection.publish(9);
        }
        connection.publishEnd();
        second.get(20, SECONDS);
        assertThat(CallbackMetrics.of("cancel").lateCalls()).isLessThan(10);
    }

    @Test
    void aServerThatIsNotThereIsAnErrorThatNamesIt() {
        assertThatThrownBy(() -> new NatsConnection("nats://127.0.0.1:1", "test"))
                .hasMessageContaining("nats://127.0.0.1:1")
                .hasMessageContaining("No server available");
    }

    private static long residentBytes() throws Exception {
        String[] pages = Files.readString(Path.of("/proc/self/statm")).split(" ", -1);
        return Long.parseLong(pages[1]) * 4096;
    }
}
