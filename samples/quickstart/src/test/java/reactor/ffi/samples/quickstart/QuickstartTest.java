package reactor.ffi.samples.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the first page of the documentation shows, in a JVM of its own: that it ends by itself is a part of it. */
class QuickstartTest {

    @Test
    void itPrintsFiveTicksInTheirOrderAndASummaryAndExits(@TempDir Path folder) throws Exception {
        Path out = folder.resolve("out.txt");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        Quickstart.class.getName(),
                        "5")
                .redirectInput(new File("/dev/null"))
                .redirectErrorStream(true)
                .redirectOutput(out.toFile())
                .start();
        boolean ended = process.waitFor(30, TimeUnit.SECONDS);
        process.destroyForcibly().waitFor();
        List<String> lines = Files.readAllLines(out);

        assertThat(ended).as("ended by itself: %s", lines).isTrue();
        assertThat(process.exitValue()).as("exit code: %s", lines).isZero();
        List<String> ticks =
                lines.stream().filter(line -> line.startsWith("tick")).toList();
        assertThat(ticks).as("%s", lines).hasSize(5);
        for (int i = 0; i < 5; i++) {
            assertThat(ticks.get(i))
                    .matches("tick +" + (i + 1) + " +[0-9.]+ ms +from .*\\(native-[0-9]+\\) +on arrivals");
        }
        assertThat(lines.get(lines.size() - 1))
                .matches("onComplete: 5 ticks from [1-5] native threads; [0-9]+ late calls absorbed, [0-9]+ dropped");
    }
}
