package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** docs/semantics.md: no row without a test, no test without a row. */
class SemanticsTest {

    /** The classes whose every test is in a row. */
    private static final List<String> COVERED = List.of(
            "NativeCallbackTest",
            "NativeCallbackIT",
            "CallBlockingTest",
            "OffloadTest",
            "OffloadIT",
            "AnswersStressIT",
            "ExchangeTest",
            "ConfinedTest",
            "ConfinedIT",
            "NativeSignalsTest",
            "NativeSignalsIT",
            "ShareTest",
            "ShareIT",
            "DirectCallbackTest",
            "RunsTest",
            "MetricsTest",
            "CallbackMetersTest",
            "WithoutMicrometerIT",
            "RandomLifetimesIT",
            "BlockHoundIT",
            "OwnWaitsTest",
            "HostileIT");

    private static final Path BASE = Path.of(System.getProperty("basedir", ""));
    private static final Pattern NAME = Pattern.compile("`(\\w+)(?:\\.(\\w+))?`");
    private static final Pattern TEST = Pattern.compile(
            "@(?:Test|ParameterizedTest)\\b(?:\\([^)]*\\))?(?:\\s*@\\w+(?:\\([^)]*\\))?)*\\s*void (\\w+)\\(");

    private static List<String> rows() throws IOException {
        return Files.readAllLines(BASE.resolve("../docs/semantics.md")).stream()
                .filter(line -> line.startsWith("| ") && !line.startsWith("| statement |"))
                .toList();
    }

    private static String source(String test) throws IOException {
        for (String root : List.of("src/test/java", "src/jcstress/java")) {
            try (Stream<Path> files = Files.walk(BASE.resolve(root))) {
                Path file = files.filter(path -> path.endsWith(test + ".java"))
                        .findFirst()
                        .orElse(null);
                if (file != null) {
                    return Files.readString(file);
                }
            }
        }
        return "";
    }

    @Test
    void noRowIsWithoutATestThatExists() throws IOException {
        List<String> missing = new ArrayList<>();
        for (String row : rows()) {
            String[] cells = row.split(" *\\| *", -1);
            assertThat(cells).as(row).hasSize(5);
            Matcher names = NAME.matcher(cells[3]);
            int found = 0;
            while (names.find()) {
                found++;
                String source = source(names.group(1));
                if (source.isEmpty() || (names.group(2) != null && !source.contains("void " + names.group(2) + "("))) {
                    missing.add(names.group());
                }
            }
            assertThat(found).as("tests of: %s", row).isPositive();
        }
        assertThat(missing).isEmpty();
        assertThat(rows()).hasSizeGreaterThan(40);
    }

    @Test
    void noTestIsWithoutARow() throws IOException {
        String all = String.join("\n", rows());
        List<String> missing = new ArrayList<>();
        for (String covered : COVERED) {
            Matcher tests = TEST.matcher(source(covered));
            int found = 0;
            while (tests.find()) {
                found++;
                String name = covered + "." + tests.group(1);
                if (!all.contains("`" + name + "`")) {
                    missing.add(name);
                }
            }
            assertThat(found).as(covered).isPositive();
        }
        assertThat(missing).isEmpty();
    }

    @Test
    void noRaceIsWithoutARow() throws IOException {
        String all = String.join("\n", rows());
        List<String> races;
        try (Stream<Path> files = Files.walk(BASE.resolve("src/jcstress/java"))) {
            races = files.map(path -> path.getFileName().toString().replace(".java", ""))
                    .filter(name -> !name.contains(".") && isRace(name))
                    .toList();
        }
        assertThat(races).hasSizeGreaterThan(5).allMatch(race -> all.contains("`" + race + "`"));
    }

    private static boolean isRace(String name) {
        try {
            return source(name).contains("@JCStressTest");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
