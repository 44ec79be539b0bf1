package reactor.ffi.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** docs/hazards.md and docs/SECURITY.md: no row without a link to a test that exists, no test of a hazard without a row. */
class HazardsTest {

    private static final Path DOCS = TestedTables.BASE.resolve("../docs");

    /** {@code [`Class.method`](path of the class)}. */
    private static final Pattern TEST = Pattern.compile("\\[`(\\w+)(?:\\.(\\w+))?`\\]\\(([^)]+)\\)");

    /** What a figure is held by. */
    private static final Pattern BENCHMARK = Pattern.compile("\\[benchmarks\\.md\\]\\(benchmarks\\.md[^)]*\\)");

    @Test
    void noHazardIsWithoutATestThatExists() throws IOException {
        assertEachRowIsTested("hazards.md", 60);
    }

    @Test
    void noPromiseOfSecurityIsWithoutATestThatExists() throws IOException {
        assertEachRowIsTested("SECURITY.md", 10);
    }

    private static void assertEachRowIsTested(String document, int rows) throws IOException {
        List<String> wrong = new ArrayList<>();
        for (String row : TestedTables.rows(DOCS.resolve(document))) {
            String[] cells = TestedTables.cells(row);
            assertThat(cells).as(row).hasSize(5);
            Matcher tests = TEST.matcher(cells[3]);
            boolean any = BENCHMARK.matcher(cells[3]).find();
            while (tests.find()) {
                any = true;
                Path file = DOCS.resolve(tests.group(3)).normalize();
                if (!file.endsWith(tests.group(1) + ".java")
                        || !Files.exists(file)
                        || (tests.group(2) != null
                                && !TestedTables.tests(Files.readString(file)).contains(tests.group(2)))) {
                    wrong.add(tests.group());
                }
            }
            if (!any) {
                wrong.add(row);
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(TestedTables.rows(DOCS.resolve(document))).hasSizeGreaterThanOrEqualTo(rows);
    }

    @Test
    void noTestOfAHazardIsWithoutARow() throws IOException {
        String all = String.join("\n", TestedTables.rows(DOCS.resolve("hazards.md")));
        List<String> missing = new ArrayList<>();
        try (Stream<Path> files = Files.list(TestedTables.BASE.resolve("src/test/java/reactor/ffi/hazards"))) {
            for (Path file : files.toList()) {
                String type = file.getFileName().toString().replace(".java", "");
                for (String test : TestedTables.tests(Files.readString(file))) {
                    if (!all.contains("[`" + type + "." + test + "`]")) {
                        missing.add(type + "." + test);
                    }
                }
            }
        }
        assertThat(missing).isEmpty();
    }
}
