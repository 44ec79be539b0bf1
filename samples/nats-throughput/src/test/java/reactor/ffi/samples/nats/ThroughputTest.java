package reactor.ffi.samples.nats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sample as somebody starts it: in a JVM of its own. That it ends by itself is a part of it. */
class ThroughputTest {

    private record Run(int exitCode, List<String> lines) {}

    @TempDir
    private Path folder;

    @Test
    void itPrintsATableAndExits() throws Exception {
        Installed.natsAndServer();

        Run run = run(Map.of(), "--messages", "5000");

        assertThat(run.exitCode()).as("%s", run.lines()).isZero();
        assertThat(run.lines().get(0)).startsWith("5,000 messages through nats://127.0.0.1:");
        assertThat(run.lines())
                .filteredOn(line -> line.contains("(8192") || line.matches("(unbounded|dropOldest).*"))
                .hasSize(7)
                .allMatch(line -> line.contains("kept"));
        assertThat(run.lines().get(run.lines().size() - 1))
                .startsWith("200 subscriptions, one after the other, shared 1 C function pointer");
    }

    @Test
    void withoutTheLibraryItSaysWhatToInstall() throws Exception {
        for (String name : Nats.LIBRARIES) {
            Files.writeString(folder.resolve(name), "not a library"); // found first, and refused
        }

        Run run = run(Map.of("LD_LIBRARY_PATH", folder.toString()));

        assertThat(run.lines()).singleElement().asString().contains("apt install libnats3.4");
        assertThat(run.exitCode()).isEqualTo(1);
    }

    @Test
    void withoutTheServerItSaysWhatToInstall() {
        assertThatThrownBy(() -> NatsServer.start(List.of(folder)))
                .isInstanceOf(MissingException.class)
                .hasMessageContaining("apt install nats-server")
                .hasMessageContaining("--server=");
    }

    @Test
    void anOptionThatItDoesNotKnowIsNamedWithThoseThatItKnows() {
        assertThatThrownBy(() -> Throughput.main(new String[] {"--mesages=5"}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("--mesages is unknown; there are --messages N and --server nats://host:port");
    }

    private Run run(Map<String, String> environment, String... arguments) throws Exception {
        Path out = folder.resolve("out.txt");
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        Throughput.class.getName())
                .redirectInput(new File("/dev/null"))
                .redirectErrorStream(true)
                .redirectOutput(out.toFile());
        builder.command().addAll(List.of(arguments));
        builder.environment().putAll(environment);
        Process process = builder.start();
        boolean ended = process.waitFor(60, TimeUnit.SECONDS);
        process.destroyForcibly().waitFor();
        List<String> lines = Files.readAllLines(out);
        assertThat(ended).as("ended by itself: %s", lines).isTrue();
        return new Run(process.exitValue(), lines);
    }
}
