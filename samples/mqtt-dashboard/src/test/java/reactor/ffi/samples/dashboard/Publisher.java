package reactor.ffi.samples.dashboard;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.UUID;
import reactor.core.Exceptions;

/** A second client, which only publishes. */
final class Publisher implements AutoCloseable {

    private final MemorySegment client;

    Publisher(Broker broker) {
        try {
            client = Mosquitto.newClient("publisher-" + UUID.randomUUID());
            assertThat(Mosquitto.connectAsync(client, broker.host(), broker.port(), 60))
                    .isTrue();
            Mosquitto.loopStart(client);
        } catch (Throwable e) {
            throw Exceptions.propagate(e);
        }
    }

    /** At least once; before the connection is there too. */
    void publish(String topic, String text) {
        publish(topic, text, 1);
    }

    void publish(String topic, String text, int qos) {
        try {
            Mosquitto.publish(client, topic, text.getBytes(UTF_8), qos);
        } catch (Throwable e) {
            throw Exceptions.propagate(e);
        }
    }

    @Override
    public void close() {
        try {
            Mosquitto.disconnect(client);
            Mosquitto.loopStop(client);
            Mosquitto.destroy(client);
        } catch (Throwable e) {
            throw Exceptions.propagate(e);
        }
    }
}
