package reactor.ffi.samples.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is shipped: the jar that {@code java -jar} runs, in a JVM of its own, ended by a real SIGTERM. */
class BootJarIT {

    private static final Duration SOON = Duration.ofSeconds(60);
    /** What Docker gives a container. */
    private static final Duration GRACE = Duration.ofSeconds(10);

    private static final int EXIT_CODE_OF_SIGTERM = 143;
    private static final Pattern PORT = Pattern.compile("Netty started on port (\\d+)");

    @TempDir
    private Path folder;

    private Process process;

    @AfterEach
    void kill() throws InterruptedException {
        if (process != null) {
            process.destroyForcibly().waitFor();
        }
    }

    private void java(String... args) throws IOException {
        String jar = System.getProperty("dashboard.jar");
        assumeTrue(jar != null, "skipped, for there is no boot jar: mvn verify makes it");
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-jar", jar));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectInput(new File("/dev/null"))
                .redirectOutput(folder.resolve("out.txt").toFile());
        builder.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"));
        process = builder.start();
    }

    private String output() {
        try {
            return Files.readString(folder.resolve("out.txt"));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private int awaitPort() {
        await("the port, in: " + folder.resolve("out.txt"))
                .atMost(SOON)
                .until(() -> PORT.matcher(output()).find());
        Matcher port = PORT.matcher(output());
        assertThat(port.find()).isTrue();
        return Integer.parseInt(port.group(1));
    }

    private void assertEndsInTime() throws InterruptedException {
        process.destroy(); // SIGTERM
        assertThat(process.waitFor(GRACE.toSeconds(), TimeUnit.SECONDS))
                .as("ended within %s: %s", GRACE, output())
                .isTrue();
        assertThat(process.exitValue()).isEqualTo(EXIT_CODE_OF_SIGTERM);
        assertThat(output()).doesNotContain("WARN", "ERROR", "Exception", "SIGSEGV");
        assertThat(output())
                .as("no browser held it up")
                .contains("Graceful shutdown complete")
                .doesNotContain("Graceful shutdown aborted");
        assertThat(folder.toFile().list((dir, name) -> name.startsWith("hs_err")))
                .isEmpty();
    }

    @Test
    void itRunsWithoutAnyArgumentAndWithoutAWarning() throws Exception {
        java("--server.port=0");
        try (Looker looker = new Looker(awaitPort())) {
            await().atMost(SOON).until(() -> looker.frames("machine/load-1m") > 3);
            assertEndsInTime();
            await().atMost(SOON).until(looker::hasEnded);
        }
    }

    @Test
    void aSigtermUnderLoadEndsItInTimeWithEverythingUnregistered() throws Exception {
        try (Broker broker = Broker.started(Needs.mosquitto(), folder);
                Publisher publisher = new Publisher(broker)) {
            java("--server.port=0", "--source=mqtt", "--broker=" + broker.address());
            int port = awaitPort();
            Thread load = Thread.ofPlatform().start(() -> {
                for (int i = 0; !Thread.interrupted(); i++) {
                    publisher.publish("load/" + i % 10, Integer.toString(i), 0);
                    LockSupport.parkNanos(100_000);
                }
            });
            try (Looker one = new Looker(port);
                    Looker two = new Looker(port)) {
                await().atMost(SOON).until(() -> one.frames("load/9") > 10 && two.frames("load/9") > 10);
                assertEndsInTime();
                assertThat(output()).containsOnlyOnce("unregistered");
                await().atMost(SOON).until(() -> one.hasEnded() && two.hasEnded());
                await().atMost(SOON).until(() -> broker.logged(": Client dashboard-") == 1);
            } finally {
                load.interrupt();
                load.join();
            }
        }
    }

    @Test
    void aWrongArgumentIsAnErrorThatSaysWhatIsRight() throws Exception {
        java("--source=mqtt", "--broker=host:port");
        assertThat(process.waitFor(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isEqualTo(2);
        assertThat(output())
                .startsWith("--broker is 'host:port'; it must be host or host:port")
                .contains("Usage:")
                .doesNotContain("Exception", "\tat ");
    }
}
