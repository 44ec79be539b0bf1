package reactor.ffi.samples.dashboard;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.Disposable;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.Overflow;
import reactor.ffi.spring.CallbackStreams;

/** libmosquitto against a real broker. */
class MqttClientIT {

    private static final Duration SOON = Duration.ofSeconds(20);

    @TempDir
    private Path folder;

    private CallbackScheduler scheduler;
    private Broker broker;
    private MqttClient client;
    private final List<SourceEvent> seen = new CopyOnWriteArrayList<>();

    @BeforeEach
    void start() {
        broker = new Broker(Needs.mosquitto(), folder);
        scheduler = CallbackScheduler.create("mqtt-test");
        client = new MqttClient(new CallbackStreams(scheduler, Overflow.latest()), broker.host(), broker.port());
    }

    @AfterEach
    void stop() {
        if (client != null) {
            client.close();
            scheduler.close();
            broker.close();
        }
    }

    private Disposable look() {
        return client.events().subscribe(seen::add);
    }

    private <T extends SourceEvent> List<T> seen(Class<T> type) {
        return seen.stream().filter(type::isInstance).map(type::cast).toList();
    }

    private void awaitSeen(Class<? extends SourceEvent> type, int times) {
        await(times + " " + type.getSimpleName())
                .atMost(SOON)
                .untilAsserted(() -> assertThat(seen(type)).hasSize(times));
    }

    private List<String> texts() {
        return seen(SourceEvent.Message.class).stream()
                .map(SourceEvent.Message::text)
                .toList();
    }

    @Test
    void allFourCallbacksComeInOneStream() {
        broker.start();
        Disposable looking = look();
        awaitSeen(SourceEvent.Connected.class, 1);
        client.publish("greeting", "hällo".getBytes(UTF_8), 1);
        client.publish("greeting", new byte[0], 1);
        awaitSeen(SourceEvent.Message.class, 2);
        assertThat(seen(SourceEvent.Message.class))
                .extracting(SourceEvent.Message::topic)
                .containsOnly("greeting");
        assertThat(texts()).containsExactly("hällo", "");
        assertThat(seen(SourceEvent.Log.class))
                .extracting(SourceEvent.Log::text)
                .anyMatch(text -> text.contains("sending CONNECT"))
                .anyMatch(text -> text.contains("received SUBACK"))
                .noneMatch(text -> text.contains("PUBLISH"));
        broker.kill();
        awaitSeen(SourceEvent.Disconnected.class, 1);
        looking.dispose();
    }

    @Test
    void aReconnectIsSeenAndSubscribesAgain() {
        broker.start();
        Disposable looking = look();
        awaitSeen(SourceEvent.Connected.class, 1);
        for (int round = 1; round <= 2; round++) {
            broker.kill();
            awaitSeen(SourceEvent.Disconnected.class, round);
            broker.start();
            awaitSeen(SourceEvent.Connected.class, round + 1);
            client.publish("round", Integer.toString(round).getBytes(UTF_8), 1);
            awaitSeen(SourceEvent.Message.class, round);
        }
        assertThat(texts()).containsExactly("1", "2");
        assertThat(client.registrations()).isOne();
        looking.dispose();
    }

    @Test
    void aBrokerThatIsNotThereYetIsWaitedFor() {
        Disposable looking = look();
        awaitSeen(SourceEvent.Disconnected.class, 1);
        broker.start();
        awaitSeen(SourceEvent.Connected.class, 1);
        looking.dispose();
    }

    @Test
    void publishWorksInsideOnNext() {
        broker.start();
        Disposable looking = client.events()
                .doOnNext(seen::add)
                .ofType(SourceEvent.Message.class)
                .filter(message -> message.topic().equals("ping"))
                .subscribe(message -> client.publish("pong", message.text().getBytes(UTF_8), 1));
        awaitSeen(SourceEvent.Connected.class, 1);
        for (int i = 0; i < 500; i++) {
            client.publish("ping", Integer.toString(i).getBytes(UTF_8), 1);
        }
        awaitSeen(SourceEvent.Message.class, 1000);
        assertThat(seen(SourceEvent.Message.class).stream()
                        .filter(message -> message.topic().equals("pong"))
                        .map(message -> Integer.parseInt(message.text())))
                .containsExactlyElementsOf(IntStream.range(0, 500).boxed().toList());
        looking.dispose();
    }

    @Test
    void publishOutlivesASubscription() {
        broker.start();
        Disposable first = look();
        awaitSeen(SourceEvent.Connected.class, 1);
        List<SourceEvent> other = new CopyOnWriteArrayList<>();
        Disposable second = client.events().subscribe(other::add);
        await().atMost(SOON).until(() -> {
            client.publish("to", "both".getBytes(UTF_8), 0);
            return other.stream().anyMatch(SourceEvent.Message.class::isInstance);
        });
        second.dispose();
        client.publish("to", "the first".getBytes(UTF_8), 1);
        await().atMost(SOON).until(() -> texts().contains("the first"));
        first.dispose();
        await().atMost(SOON).until(() -> broker.logged(" disconnected.") == 1);

        // nobody listens, so there is no connection: what is at least once waits for it
        client.publish("to", "the next".getBytes(UTF_8), 1);
        assertThat(client.publish("to", "nobody".getBytes(UTF_8), 0)).isFalse();
        Disposable third = look();
        await().atMost(SOON).until(() -> broker.logged("New client connected") == 2);
        Publisher publisher = new Publisher(broker);
        await().atMost(SOON).until(() -> {
            publisher.publish("to", "the third");
            return texts().contains("the third");
        });
        publisher.close();
        third.dispose();
        assertThat(client.registrations()).isEqualTo(2);
    }

    @Test
    void cancelUnderLoadDisconnectsAndJoinsWithoutADeadlock() throws Exception {
        broker.start();
        try (Publisher publisher = new Publisher(broker)) {
            Thread load = new Thread(() -> {
                while (!Thread.interrupted()) {
                    publisher.publish("load", "1", 0);
                    LockSupport.parkNanos(100_000);
                }
            });
            load.start();
            try {
                for (int round = 1; round <= 20; round++) {
                    CountDownLatch flowing = new CountDownLatch(100);
                    Disposable looking =
                            client.events().ofType(SourceEvent.Message.class).subscribe(message -> flowing.countDown());
                    assertThat(flowing.await(SOON.toSeconds(), TimeUnit.SECONDS))
                            .as("round " + round)
                            .isTrue();
                    looking.dispose();
                    // With messages on the way the broker may see the connection's end before the word.
                    int ended = round;
                    await("end " + round).atMost(SOON).until(() -> broker.logged(": Client dashboard-") == ended);
                }
            } finally {
                load.interrupt();
                load.join();
            }
        }
        awaitThreads(0);
        assertThat(CallbackMetrics.of("mqtt").failedCalls()).isZero();
    }

    /** A connect that fails makes libmosquitto forget a disconnect, and its thread would never end. */
    @Test
    void aDisconnectDuringAConnectIsNotForgotten() throws IOException {
        List<SocketChannel> crowd = new ArrayList<>();
        Disposable looking = look();
        awaitSeen(SourceEvent.Disconnected.class, 1); // refused; it tries again in a second
        try (ServerSocket full = new ServerSocket(broker.port(), 1, InetAddress.getLoopbackAddress())) {
            for (int i = 0; i < 8; i++) { // nobody accepts, so the next one waits for its connection
                SocketChannel channel = SocketChannel.open();
                crowd.add(channel);
                channel.configureBlocking(false);
                channel.connect(full.getLocalSocketAddress());
            }
            long crowded = connecting();
            await("one more waits").until(() -> connecting() > crowded);
            looking.dispose();
            await("it was told to disconnect, and is joined").atMost(SOON).until(MqttClientIT::isJoining);
        } finally {
            for (SocketChannel channel : crowd) {
                channel.close();
            }
        }
        // now the attempt is refused
        assertThat(CompletableFuture.runAsync(client::close)).succeedsWithin(SOON);
        assertThatIllegalStateException().isThrownBy(() -> client.publish("to", new byte[0], 0));
    }

    private static boolean isJoining() {
        return Thread.getAllStackTraces().values().stream()
                .flatMap(Stream::of)
                .anyMatch(frame -> frame.getMethodName().equals("loopStop"));
    }

    /** Connections to the broker's port in state SYN_SENT. */
    private long connecting() throws IOException {
        String port = String.format(":%04X", broker.port());
        return Files.readAllLines(Path.of("/proc/net/tcp")).stream()
                .map(line -> line.strip().split(" +", -1))
                .filter(fields -> fields[2].endsWith(port) && fields[3].equals("02"))
                .count();
    }

    @Test
    void aCancelAtAnyMomentOfTheConnectEndsTheLibrarysThread() {
        broker.start();
        for (int round = 0; round < 100; round++) {
            Disposable looking = look();
            long until = System.nanoTime() + ThreadLocalRandom.current().nextInt(2_000_000);
            while (System.nanoTime() < until) {
                Thread.onSpinWait();
            }
            looking.dispose();
            // the next one registers only after this one has joined
        }
        awaitThreads(0);
    }

    private static void awaitThreads(long count) {
        await("threads of libmosquitto")
                .atMost(SOON)
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                                .filter(thread -> thread.getName().startsWith("mosquitto loop"))
                                .count()
                        == count);
    }

    @Test
    void closeEndsTheStreamAndFreesTheClient() {
        broker.start();
        CountDownLatch completed = new CountDownLatch(1);
        client.events().doOnComplete(completed::countDown).subscribe(seen::add);
        awaitSeen(SourceEvent.Connected.class, 1);
        client.close();
        await().atMost(SOON).until(() -> completed.getCount() == 0);
        awaitThreads(0);
        assertThat(broker.logged(" disconnected.")).isOne();
        assertThatIllegalStateException()
                .isThrownBy(() -> client.publish("to", new byte[0], 0))
                .withMessageContaining("closed");
        client.close(); // again: nothing
        List<Throwable> errors = new CopyOnWriteArrayList<>();
        client.events().subscribe(seen::add, errors::add);
        await().atMost(SOON)
                .untilAsserted(
                        () -> assertThat(errors).singleElement().asString().contains("closed"));
    }

    @Test
    void closeInsideOnNextDoesNotHang() throws InterruptedException {
        broker.start();
        CountDownLatch closed = new CountDownLatch(1);
        client.events().ofType(SourceEvent.Connected.class).subscribe(connected -> {
            client.close();
            closed.countDown();
        });
        assertThat(closed.await(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
        awaitThreads(0);
    }
}
