package reactor.ffi.samples.kafka;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A publisher or an aggregator in a JVM of its own, and what it says of itself. */
final class Worker implements AutoCloseable {

    private final String name;
    private final Process process;
    private final Path errors;
    private final Thread reader;
    private final CountDownLatch ready = new CountDownLatch(1);

    /** What it has said last. "done" is its last word, though a "status" of another thread may be printed after it. */
    private volatile Map<String, Long> status = Map.of();

    private boolean done;
    private volatile boolean expected;

    private Worker(String name, Process process, Path errors) {
        this.name = name;
        this.process = process;
        this.errors = errors;
        this.reader = new Thread(this::read, name + " output");
    }

    /**
     * Starts a program of this sample.
     *
     * @param name what it is called here and in its log
     * @param main its class
     * @param folder where its log goes
     * @param options of the JVM
     * @param args its command line
     */
    static Worker start(String name, Class<?> main, Path folder, List<String> options, List<String> args)
            throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-Dorg.slf4j.simpleLogger.showDateTime=true"));
        command.addAll(options);
        command.addAll(List.of("-classpath", System.getProperty("java.class.path"), main.getName()));
        command.addAll(args);
        Path errors = Files.createDirectories(folder).resolve(name + ".log");
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.appendTo(errors.toFile()))
                .start();
        Children.addWorker(process);
        Worker worker = new Worker(name, process, errors);
        worker.reader.setDaemon(true);
        worker.reader.start();
        return worker;
    }

    private void read() {
        try (BufferedReader lines = process.inputReader()) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("ready ")) {
                    ready.countDown();
                } else if (line.startsWith("done ")) {
                    done = true;
                    status = Status.parse(line);
                } else if (line.startsWith("status ") && !done) {
                    status = Status.parse(line);
                }
            }
        } catch (IOException e) {
            // the process is gone
        }
    }

    String name() {
        return name;
    }

    /** What it has said last. */
    long figure(String of) {
        return status.getOrDefault(of, 0L);
    }

    /** All that it has said last, at one moment. */
    Map<String, Long> status() {
        return status;
    }

    /** What it has used of the cores. */
    Duration cpu() {
        return process.info().totalCpuDuration().orElse(Duration.ZERO);
    }

    /** Waits until it says that it is ready. */
    void awaitReady(long seconds) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (!ready.await(200, TimeUnit.MILLISECONDS)) {
            check();
            if (System.nanoTime() - end > 0) {
                throw new IllegalStateException(name + " is not ready after " + seconds + " s; see " + errors);
            }
        }
    }

    /** Throws if it has ended without having been told to. */
    void check() {
        if (!process.isAlive() && !expected && process.exitValue() != 0) {
            throw new IllegalStateException(
                    name + " has ended with exit code " + process.exitValue() + ": " + lastError());
        }
    }

    private String lastError() {
        try {
            List<String> lines = Files.readAllLines(errors);
            List<String> said = lines.stream()
                    .filter(line -> line.startsWith("ERROR: ") || line.startsWith("  because of "))
                    .toList();
            return said.isEmpty() ? "see " + errors : String.join("\n", said).replaceFirst("^ERROR: ", "");
        } catch (IOException e) {
            return "see " + errors;
        }
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** As {@code kill -9}. */
    void kill() throws InterruptedException {
        expected = true;
        process.destroyForcibly().waitFor();
    }

    /** As {@code kill}, that is, SIGTERM. {@link Process#destroy} would also close the pipe of its last words. */
    void terminate() {
        process.toHandle().destroy();
    }

    /** Waits for its end; returns the exit code. */
    int await(long seconds) throws InterruptedException {
        if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
            throw new IllegalStateException(name + " has not ended after " + seconds + " s; see " + errors);
        }
        reader.join();
        return process.exitValue();
    }

    /** What it has written on standard error. */
    String log() throws IOException {
        return Files.readString(errors);
    }

    @Override
    public void close() {
        expected = true;
        Children.end(process);
    }
}
