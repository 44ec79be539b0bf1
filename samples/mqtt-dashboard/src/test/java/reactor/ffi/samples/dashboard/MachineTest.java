package reactor.ffi.samples.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineTest {

    @TempDir
    private Path proc;

    @Test
    void readsWhatLinuxTells() throws IOException {
        write("cpu  100 0 100 800 0 0 0 0 0 0", "1.50 0.75 0.25 4/114 24135");
        Machine machine = new Machine(proc);
        assertThat(machine.sample()).doesNotContainKey("machine/cpu-percent"); // no time has passed

        write("cpu  110 0 115 840 10 0 0 0 0 0", "1.50 0.75 0.25 4/114 24135");
        Map<String, Double> sample = machine.sample();
        assertThat(sample)
                .containsEntry("machine/load-1m", 1.5)
                .containsEntry("machine/load-5m", 0.75)
                .containsEntry("machine/threads-running", 4.0)
                .containsEntry("machine/threads", 114.0)
                .containsEntry("machine/memory-free-mib", 3072.0)
                .containsEntry("machine/memory-percent", 25.0)
                .containsKey("process/heap-mib");
        assertThat(sample.get("machine/cpu-percent")).isCloseTo(100.0 * 25 / 75, within(0.001));
    }

    @Test
    void withoutProcItSaysThatItNeedsLinux() {
        assertThatThrownBy(() -> new Machine(proc.resolve("missing")))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("needs Linux");
    }

    private void write(String cpu, String load) throws IOException {
        Files.writeString(proc.resolve("stat"), cpu + "\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
        Files.writeString(proc.resolve("loadavg"), load + "\n");
        Files.writeString(proc.resolve("meminfo"), """
                MemTotal:        4194304 kB
                MemFree:          100000 kB
                MemAvailable:    3145728 kB
                """);
    }
}
