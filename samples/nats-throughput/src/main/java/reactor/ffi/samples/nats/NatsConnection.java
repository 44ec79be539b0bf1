package reactor.ffi.samples.nats;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A connection, and the subject that this sample publishes numbers to. One thread publishes. */
final class NatsConnection implements AutoCloseable {

    private final Arena arena = Arena.ofAuto();
    private final MemorySegment connection;
    private final MemorySegment subject;
    private final MemorySegment payload = arena.allocate(JAVA_LONG);

    /**
     * Connects, and waits for it.
     *
     * @throws IllegalStateException if there is no such server
     */
    NatsConnection(String url, String subject) throws Throwable {
        this.subject = arena.allocateFrom(subject);
        this.connection = Nats.connect(url);
    }

    MemorySegment pointer() {
        return connection;
    }

    MemorySegment subject() {
        return subject;
    }

    /** Publishes a number. */
    void publish(long number) throws Throwable {
        payload.set(JAVA_LONG, 0, number);
        Nats.publish(connection, subject, payload, (int) JAVA_LONG.byteSize());
    }

    /** Publishes the empty message, which says to who is subscribed that there are no more numbers. */
    void publishEnd() throws Throwable {
        Nats.publish(connection, subject, MemorySegment.NULL, 0);
    }

    /** Waits until the server has all that was published. */
    void flush() throws Throwable {
        Nats.flush(connection);
    }

    /** To be called when no subscription is left. */
    @Override
    public void close() {
        try {
            Nats.destroyConnection(connection);
        } catch (Throwable e) {
            throw new IllegalStateException("natsConnection_Destroy failed", e);
        }
    }
}
