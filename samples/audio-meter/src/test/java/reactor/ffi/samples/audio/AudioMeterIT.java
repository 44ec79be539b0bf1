package reactor.ffi.samples.audio;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sample as somebody starts it, in a JVM of its own. */
class AudioMeterIT {

    private static final Pattern ROW = Pattern.compile(
            "(listener, in batches|upcall) +([0-9]+) +[0-9]+ +([0-9]+) +([0-9.,]+) us +([0-9.,]+) us +([0-9.,]+) us");

    @Test
    void itShowsTheMeterTwiceAndATableAndExits(@TempDir Path folder) throws Exception {
        Path out = folder.resolve("out.txt");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-Daudio.native=" + System.getProperty("audio.native", "target/native"),
                        "-Xmx256m",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        AudioMeter.class.getName(),
                        "3") // on a busy machine the first second may pass before the first block
                .redirectInput(new File("/dev/null"))
                .redirectErrorStream(true)
                .redirectOutput(out.toFile())
                .start();
        boolean ended = process.waitFor(60, TimeUnit.SECONDS);
        process.destroyForcibly().waitFor();
        String shown = Files.readString(out);

        assertThat(ended).as("ended by itself: %s", shown).isTrue();
        assertThat(process.exitValue()).as("exit code: %s", shown).isZero();
        List<String> bars =
                shown.lines().filter(line -> line.startsWith("[")).distinct().toList();
        assertThat(bars).as("the meter moves: %s", shown).hasSizeGreaterThan(1);
        assertThat(bars).allSatisfy(bar -> assertThat(bar).matches("\\[[#| ]{50}] +-?[0-9.]+ dB"));
        List<Matcher> rows =
                shown.lines().map(ROW::matcher).filter(Matcher::matches).toList();
        assertThat(rows)
                .as("%s", shown)
                .extracting(row -> row.group(1))
                .containsExactly("listener, in batches", "upcall");
        assertThat(rows).as("%s", shown).allSatisfy(row -> {
            assertThat(Integer.parseInt(row.group(2))).as("blocks").isPositive();
            assertThat(Integer.parseInt(row.group(3))).as("collections").isPositive();
        });
    }
}
