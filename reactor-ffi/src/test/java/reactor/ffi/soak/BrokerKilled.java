package reactor.ffi.soak;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeMemory;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Broker;
import reactor.ffi.fixture.Mosquitto;
import reactor.ffi.fixture.Until;

/**
 * A real broker, killed and started again all the time. One client of libmosquitto stays subscribed and finds it again by
 * itself, others come and go, whether the broker is there or not, and one publishes.
 */
final class BrokerKilled implements Load {

    private static final CallbackType<Mosquitto.OnConnect> ON_CONNECT =
            CallbackType.of(Mosquitto.OnConnect.class).handles(0, 1);
    private static final CallbackType<Mosquitto.OnMessage> ON_MESSAGE =
            CallbackType.of(Mosquitto.OnMessage.class).handles(0, 1);

    private final Faults faults;
    private final Tally steady = new Tally("mqtt");
    private final Tally passing = new Tally("passing mqtt clients");
    private final CallbackScheduler scheduler = Tally.scheduler("mqtt");
    private final LongAdder published = new LongAdder();
    private final Rounds publishing;
    private final Rounds passingBy;
    private final Rounds killing;
    private final Broker broker;
    private final Mosquitto publisher;
    private final Client client;

    BrokerKilled(Faults faults) throws IOException {
        this.faults = faults;
        this.publishing = new Rounds("publishing", faults, this::publish);
        this.passingBy = new Rounds("passing", faults, this::passBy);
        this.killing = new Rounds("killing", faults, this::kill);
        this.broker = Broker.started();
        this.publisher = Mosquitto.of(broker, "soak-publisher");
        this.client = new Client("soak-steady", steady);
    }

    @Override
    public void start() {
        publisher.connectAsync();
        publisher.loopStart();
        client.subscribe();
        publishing.start();
        passingBy.start();
        killing.start();
    }

    private void publish(long number) throws InterruptedException {
        for (int i = 0; i < 20; i++) {
            if (publisher.publishIfConnected("soak", Long.toString(number))) {
                published.increment();
            }
        }
        publishing.pause(10);
    }

    private void passBy(long number) throws InterruptedException {
        Client passer = new Client("soak-" + number, passing);
        passer.subscribe();
        passingBy.pause(number % 4 * 100);
        passer.end();
    }

    /** What is published after a start arrives, or the soak has failed. */
    private void kill(long number) throws Exception {
        killing.pause(1_500);
        broker.kill();
        killing.pause(number % 3 * 200);
        broker.start();
        long before = steady.delivered();
        Until.that("messages after restart " + number, () -> steady.delivered() > before || killing.isStopped());
    }

    @Override
    public void stop() throws Exception {
        killing.stop();
        publishing.stop();
        passingBy.stop();
        client.end();
        stop(publisher);
        broker.close();
        scheduler.disposeGracefully().block(Until.LIMIT);
    }

    private static void stop(Mosquitto publisher) throws InterruptedException {
        Thread joining = new Thread(publisher::loopStop);
        joining.start();
        do {
            publisher.disconnect();
        } while (!joining.join(Duration.ofMillis(100)));
        publisher.close();
    }

    @Override
    public void check(Faults to) {
        System.out.printf(
                "%d restarts of the broker, %d passing clients, %d of %d messages delivered%n",
                killing.done(), passingBy.done(), steady.delivered(), published.sum());
        to.some("messages published", published.sum());
        to.some("restarts of the broker", killing.done());
        for (Tally tally : new Tally[] {steady, passing}) {
            tally.checkValues(to);
            CallbackMetrics metrics = CallbackMetrics.of(tally.name);
            to.equal(tally.name + ": handled", tally.handled.sum(), metrics.events());
            to.equal(tally.name + ": failed", metrics.failedCalls(), 0);
        }
    }

    /** A client, and the subscription that it connects for. */
    private final class Client {

        private final Mosquitto mosquitto;
        private final Tally tally;
        private final CountDownLatch joined = new CountDownLatch(1);
        private Disposable subscription;

        Client(String id, Tally tally) {
            this.mosquitto = Mosquitto.of(broker, id);
            this.tally = tally;
        }

        void subscribe() {
            Flux<Long> messages =
                    NativeFlux.create(tally.options().on(scheduler).overflow(Overflow.dropOldest(64)), this::register);
            subscription =
                    tally.counting(messages, Long.class).subscribe(value -> {}, error -> faults.add(tally.name, error));
        }

        private void register(NativeSink<Long> sink) {
            sink.onDispose(joined::countDown); // the last
            MemorySegment onConnect =
                    sink.callback(ON_CONNECT, (handle, userData, code) -> mosquitto.subscribeIfConnected("soak"));
            MemorySegment onMessage = sink.callback(ON_MESSAGE, (handle, userData, message) -> {
                tally.handled.increment();
                sink.next(number(message));
            });
            mosquitto.onConnect(onConnect);
            mosquitto.onMessage(onMessage);
            mosquitto.connectAsync();
            mosquitto.loopStart();
            sink.onDispose(() -> {
                mosquitto.loopStop();
                sink.release(onConnect);
                sink.release(onMessage);
            });
        }

        /** Of a {@code struct mosquitto_message}: {@code int mid; char *topic; void *payload; int payloadlen; ...}. */
        private long number(MemorySegment message) {
            byte[] payload =
                    NativeMemory.at(message, 16, message.get(JAVA_INT, 24)).toArray(JAVA_BYTE);
            return Long.parseLong(new String(payload, StandardCharsets.US_ASCII));
        }

        /** A connect that is under way makes libmosquitto forget that it was told to disconnect: it is told until it has ended. */
        void end() throws InterruptedException {
            subscription.dispose();
            long limit = System.nanoTime() + Until.LIMIT.toNanos();
            while (!joined.await(100, TimeUnit.MILLISECONDS)) {
                mosquitto.disconnect();
                if (System.nanoTime() > limit) {
                    throw new IllegalStateException("a client of libmosquitto does not end");
                }
            }
            mosquitto.close();
        }
    }
}
