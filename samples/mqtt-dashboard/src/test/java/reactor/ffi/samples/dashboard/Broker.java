package reactor.ffi.samples.dashboard;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** A real broker on a free port of this machine, which can be killed and started again. */
final class Broker implements AutoCloseable {

    private final Path binary;
    private final int port;
    private final Path configuration;
    private final Path log;
    private Process process;

    /** Not started yet. */
    Broker(Path binary, Path folder) {
        this.binary = binary;
        this.log = folder.resolve("mosquitto.log");
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            this.port = free.getLocalPort();
            // Nothing is lost in the broker: its queues have no limit.
            this.configuration = Files.writeString(folder.resolve("mosquitto.conf"), """
                    listener %d 127.0.0.1
                    allow_anonymous true
                    max_queued_messages 0
                    log_dest stderr
                    log_type notice
                    """.formatted(port));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Broker started(Path binary, Path folder) {
        return new Broker(binary, folder).start();
    }

    Broker start() {
        try {
            process = new ProcessBuilder(binary.toString(), "-c", configuration.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        await("the broker").atMost(Duration.ofSeconds(20)).until(this::answers);
        return this;
    }

    private boolean answers() {
        try {
            new Socket(InetAddress.getLoopbackAddress(), port).close();
            return true;
        } catch (IOException _) {
            return false;
        }
    }

    /** Without a word to its clients. */
    void kill() {
        try {
            process.destroyForcibly().waitFor();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    String host() {
        return "127.0.0.1";
    }

    int port() {
        return port;
    }

    String address() {
        return host() + ":" + port;
    }

    /** How many lines of its log contain this. */
    long logged(String text) {
        return log().lines().filter(line -> line.contains(text)).count();
    }

    String log() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        if (process != null) {
            kill();
        }
    }
}
