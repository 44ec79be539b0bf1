package reactor.ffi.samples.dashboard;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Exceptions;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.spring.CallbackStreams;

/**
 * A client of libmosquitto, as a bean. The client lives as long as the bean; the connection as long as anybody subscribes to
 * {@link #events}. So who publishes does not depend on who listens.
 */
final class MqttClient implements EventSource, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(MqttClient.class);
    private static final AtomicLong COUNT = new AtomicLong();

    private static final int KEEP_ALIVE_SECONDS = 60;
    private static final int AT_LEAST_ONCE = 1;
    private static final Duration AGAIN = Duration.ofMillis(100);
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(5);

    private final CallbackScheduler scheduler;
    private final String host;
    private final int port;
    private final Flux<SourceEvent> events;
    private final AtomicLong registrations = new AtomicLong();

    /** Whoever calls the library holds it to read: the client is not freed meanwhile. */
    private final ReentrantReadWriteLock alive = new ReentrantReadWriteLock();
    /** NULL once the client is freed. Accessed under the lock {@link #alive}. */
    private MemorySegment client;

    /** The lock of {@link #registered} and {@link #closed}. */
    private final Object life = new Object();
    /** The registration that is live. */
    private @Nullable NativeSink<SourceEvent> registered;

    private boolean closed;
    private final CountDownLatch freed = new CountDownLatch(1);

    MqttClient(CallbackStreams streams, String host, int port) {
        this.host = host;
        this.port = port;
        // Drops, never waits: libmosquitto calls on_log with a lock held that publish needs, and publish is called in
        // onNext.
        CallbackOptions options = streams.options(name()).overflow(Overflow.dropOldest(4096));
        this.scheduler = options.scheduler();
        this.events = streams.share(options, this::register);
        try {
            this.client =
                    Mosquitto.newClient("dashboard-" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet());
        } catch (Throwable e) {
            throw Exceptions.propagate(e);
        }
    }

    /** On the scheduler's thread, for the first subscriber. */
    private void register(NativeSink<SourceEvent> sink) throws Throwable {
        synchronized (life) {
            if (closed) {
                throw new IllegalStateException("This client is closed");
            }
            registered = sink;
        }
        registrations.incrementAndGet();
        sink.onDispose(this::unregistered); // the last

        MemorySegment onConnect =
                sink.callback(Mosquitto.ON_CONNECT, (mosquitto, data, code) -> connected(sink, mosquitto, code));
        MemorySegment onDisconnect = sink.callback(
                Mosquitto.ON_DISCONNECT,
                (mosquitto, data, code) -> sink.next(new SourceEvent.Disconnected(now(), reason(code))));
        MemorySegment onMessage =
                sink.callback(Mosquitto.ON_MESSAGE, (mosquitto, data, message) -> sink.next(copy(message)));
        MemorySegment onLog = sink.callback(Mosquitto.ON_LOG, (mosquitto, data, level, text) -> {
            String line = text.getString(0);
            // Two lines for each message would be two thirds of all events.
            if (!line.contains(" PUBLISH ") && !line.contains(" PUBACK ")) {
                sink.next(new SourceEvent.Log(now(), line));
            }
        });
        Mosquitto.setCallbacks(client, onConnect, onDisconnect, onMessage, onLog);
        sink.onDispose(() -> Mosquitto.setCallbacks(
                client, MemorySegment.NULL, MemorySegment.NULL, MemorySegment.NULL, MemorySegment.NULL));
        if (!Mosquitto.connectAsync(client, host, port, KEEP_ALIVE_SECONDS)) {
            sink.next(new SourceEvent.Disconnected(now(), "nobody answers there yet"));
        }
        Mosquitto.loopStart(client);
        sink.onDispose(this::stop); // the first: it joins the thread that calls back
    }

    /** On libmosquitto's thread. A broker forgets the subscriptions of a connection, so each one subscribes. */
    private void connected(NativeSink<SourceEvent> sink, MemorySegment mosquitto, int code) {
        if (code != Mosquitto.SUCCESS) {
            sink.next(new SourceEvent.Disconnected(now(), Mosquitto.answerText(code)));
            return;
        }
        try {
            Mosquitto.subscribe(mosquitto, "#", AT_LEAST_ONCE);
        } catch (Throwable e) {
            throw Exceptions.propagate(e);
        }
        sink.next(new SourceEvent.Connected(now(), "to " + host + ":" + port));
    }

    /**
     * On the scheduler's thread, with its turn lent, so that a callback which runs just now can end. A connect that is under
     * way makes libmosquitto forget that it was told to disconnect; so it is told until its thread has ended.
     */
    private void stop() throws Throwable {
        disconnect();
        Disposable again = Schedulers.parallel()
                .schedulePeriodically(this::disconnect, AGAIN.toMillis(), AGAIN.toMillis(), TimeUnit.MILLISECONDS);
        try {
            Mosquitto.loopStop(client);
        } finally {
            again.dispose();
        }
    }

    private void disconnect() {
        alive.readLock().lock();
        try {
            if (client.address() != 0) {
                Mosquitto.disconnect(client);
            }
        } catch (Throwable e) {
            throw Exceptions.propagate(e);
        } finally {
            alive.readLock().unlock();
        }
    }

    private void unregistered() throws Throwable {
        LOG.info("Disconnected from {}:{}, unregistered", host, port);
        boolean last;
        synchronized (life) {
            registered = null;
            last = closed;
        }
        if (last) {
            free();
        }
    }

    private void free() throws Throwable {
        alive.writeLock().lock();
        try {
            Mosquitto.destroy(client);
            client = MemorySegment.NULL;
        } finally {
            alive.writeLock().unlock();
        }
        freed.countDown();
    }

    /**
     * Publishes, from any thread, inside onNext too.
     *
     * @return false if there is no connection. With a quality of service above zero the message waits for the next one; else
     *     it is lost.
     */
    boolean publish(String topic, byte[] payload, int qos) {
        alive.readLock().lock();
        try {
            if (client.address() == 0) {
                throw new IllegalStateException("This client is closed");
            }
            return Mosquitto.publish(client, topic, payload, qos) == Mosquitto.SUCCESS;
        } catch (Throwable e) {
            throw Exceptions.propagate(e);
        } finally {
            alive.readLock().unlock();
        }
    }

    /** How often a first subscriber came. */
    long registrations() {
        return registrations.get();
    }

    /** Ends the events, and waits until the library has let go, unless on the thread that does it. */
    @Override
    public void close() {
        NativeSink<SourceEvent> live;
        synchronized (life) {
            if (closed) {
                return;
            }
            closed = true;
            live = registered;
        }
        try {
            if (live == null) {
                free();
            } else {
                live.complete(); // unregistered() frees
            }
            if (!scheduler.isCurrent() && !freed.await(CLOSE_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.warn("libmosquitto's thread has not ended within {}: it is left alone", CLOSE_LIMIT);
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        } catch (Throwable e) {
            throw Exceptions.propagate(e);
        }
    }

    @Override
    public String name() {
        return "mqtt";
    }

    @Override
    public String description() {
        return "MQTT broker at " + host + ":" + port;
    }

    @Override
    public Flux<SourceEvent> events() {
        return events;
    }

    private static long now() {
        return System.currentTimeMillis();
    }

    private static SourceEvent.Message copy(MemorySegment message) {
        String topic = Excerpt.name(Mosquitto.topic(message));
        return SourceEvent.Message.of(now(), topic, Excerpt.of(Mosquitto.payload(message)));
    }

    private static String reason(int code) {
        return code == Mosquitto.SUCCESS ? "as it was asked to" : Mosquitto.errorText(code);
    }
}
