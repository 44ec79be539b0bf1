package reactor.ffi.samples.nats;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A {@code nats-server} of our own, on a free port of the loopback interface. */
final class NatsServer implements AutoCloseable {

    private static final Pattern LISTENING =
            Pattern.compile("Listening for client connections on 127\\.0\\.0\\.1:(\\d+)");

    private final Process process;
    private final Thread atExit;
    private final String url;

    private NatsServer(Process process, Thread atExit, String url) {
        this.process = process;
        this.atExit = atExit;
        this.url = url;
    }

    /** The folders of PATH, and those that an ordinary user's PATH often lacks. */
    static List<Path> folders() {
        List<Path> folders = new ArrayList<>();
        String path = System.getenv("PATH");
        for (String folder : (path == null ? "" : path).split(File.pathSeparator, -1)) {
            if (!folder.isEmpty()) {
                folders.add(Path.of(folder));
            }
        }
        folders.add(Path.of("/usr/sbin"));
        folders.add(Path.of("/usr/local/sbin"));
        folders.add(Path.of("/usr/local/bin"));
        return folders;
    }

    /**
     * Starts a server, and waits until clients may connect.
     *
     * @param folders where to look for the program
     * @throws MissingException if it is in none of them; the message says what to install
     */
    static NatsServer start(List<Path> folders) throws IOException {
        Path program = folders.stream()
                .map(folder -> folder.resolve("nats-server"))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(
                        () -> new MissingException(
                                "the program nats-server is not here: install it, on Debian 12"
                                        + " with: apt install nats-server; or name a server that runs, with --server=nats://host:port"));
        // Port -1: the server takes a free one, and says which.
        Process process = new ProcessBuilder(program.toString(), "-a", "127.0.0.1", "-p", "-1")
                .redirectErrorStream(true)
                .start();
        Thread atExit = new Thread(process::destroyForcibly, "nats-server at exit");
        Runtime.getRuntime().addShutdownHook(atExit);
        BufferedReader log = process.inputReader();
        List<String> seen = new ArrayList<>();
        String url = null;
        for (String line = log.readLine(); line != null; line = log.readLine()) {
            seen.add(line);
            Matcher listening = LISTENING.matcher(line);
            if (listening.find()) {
                url = "nats://127.0.0.1:" + listening.group(1);
            }
            if (url != null && line.endsWith("Server is ready")) {
                drain(log);
                return new NatsServer(process, atExit, url);
            }
        }
        throw new IOException(program + " ended before it was ready: " + seen);
    }

    /** Where clients connect to. */
    String url() {
        return url;
    }

    /** A server whose log nobody reads would stop when the pipe is full. */
    private static void drain(BufferedReader log) {
        Thread reader = new Thread(
                () -> {
                    try (log) {
                        while (log.readLine() != null) {
                            // nobody wants it
                        }
                    } catch (IOException _) {
                        // the server is gone
                    }
                },
                "nats-server log");
        reader.setDaemon(true);
        reader.start();
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException _) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().removeShutdownHook(atExit);
    }
}
