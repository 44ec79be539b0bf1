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
import reactor.ffi.docs.TestedTables;

/** docs/semantics.md: no row without a test, no test without a row. */
class SemanticsTest {

    /** The classes whose every test is in a row. */
    private static final List<String> COVERED = List.of(
            "NativeCallbackTest",
            "NativeCallbackWaitTest",
            "NativeCallbackCloseTest",
            "NativeCallbackIT",
            "CallBlockingTest",
            "OffloadTest",
            "OffloadIT",
            "AnswersStressIT",
            "ExchangeTest",
            "ExchangeAskingTest",
            "ConfinedTest",
            "ConfinedEndTest",
            "ConfinedIT",
            "NativeSignalsTest",
            "NativeSignalsIT",
            "ShareTest",
            "ShareEndTest",
            "ShareIT",
            "DirectCallbackTest",
            "UserDataTest",
            "UserDataLifeTest",
            "UserDataChurnIT",
            "TokensTest",
            "RunLoopTest",
            "ListenerTest",
            "ListenerIT",
            "RingTest",
            "HoleIT",
            "MachineCodeTest",
            "ProducerFuzzIT",
            "Arm64FuzzIT",
            "MetricsTest",
            "CallbackMetersTest",
            "WithoutMicrometerIT",
            "RandomLifetimesIT",
            "ThrowAnywhereIT",
            "FullHeapIT",
            "ExitAnywhereIT",
            "DisposedUnderLoadIT",
            "PthreadExitIT",
            "ClassLoaderIT",
            "BlockHoundIT",
            "OwnWaitsTest",
            "HostileIT");

    private static final Pattern NAME = Pattern.compile("`(\\w+)(?:\\.(\\w+))?`");

    private static List<String> rows() throws IOException {
        return TestedTables.rows(TestedTables.BASE.resolve("../docs/semantics.md"));
    }

    @Test
    void noRowIsWithoutATestThatExists() throws IOException {
        List<String> missing = new ArrayList<>();
        for (String row : rows()) {
            String[] cells = TestedTables.cells(row);
            assertThat(cells).as(row).hasSize(5);
            Matcher names = NAME.matcher(cells[3]);
            int found = 0;
            while (names.find()) {
                found++;
                String source = TestedTables.source(names.group(1));
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
            List<String> tests = TestedTables.tests(TestedTables.source(covered));
            assertThat(tests).as(covered).isNotEmpty();
            for (String test : tests) {
                String name = covered + "." + test;
                if (!all.contains("`" + name + "`")) {
                    missing.add(name);
                }
            }
        }
        assertThat(missing).isEmpty();
    }

    @Test
    void noRaceIsWithoutARow() throws IOException {
        String all = String.join("\n", rows());
        List<String> races;
        try (Stream<Path> files = Files.walk(TestedTables.BASE.resolve("src/jcstress/java"))) {
            races = files.map(path -> path.getFileName().toString().replace(".java", ""))
                    .filter(name -> !name.contains(".") && isRace(name))
                    .toList();
        }
        assertThat(races).hasSizeGreaterThan(5).allMatch(race -> all.contains("`" + race + "`"));
    }

    private static boolean isRace(String name) {
        try {
            return TestedTables.source(name).contains("@JCStressTest");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
