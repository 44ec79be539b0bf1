package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.ffi.docs.TestedTables;

/** The names of tests and of their nested classes, here and in the samples: sentences in camel case. */
class TestNamesTest {

    private static final Pattern TEST = Pattern.compile(
            "@(?:Test|ParameterizedTest|RepeatedTest|TestFactory|Nested)\\b[^{;]*?(?: void | class )(\\w+)");

    @SuppressWarnings("StreamResourceLeak") // the caller, which is JUnit, closes it
    static Stream<Path> modules() throws IOException {
        return Stream.concat(Stream.of(TestedTables.BASE), Files.list(TestedTables.BASE.resolve("../samples")))
                .map(module -> module.resolve("src/test/java").normalize())
                .filter(Files::isDirectory);
    }

    @ParameterizedTest
    @MethodSource("modules")
    void theyAreInCamelCaseWithoutTestInFront(Path sources) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.walk(sources)) {
            files = all.filter(file -> file.toString().endsWith(".java")).toList();
        }
        int found = 0;
        for (Path file : files) {
            List<String> names = TEST.matcher(Files.readString(file))
                    .results()
                    .map(name -> name.group(1))
                    .toList();
            assertThat(names)
                    .as(file.toString())
                    .allMatch(name -> name.matches("(?!test[A-Z0-9])[a-zA-Z][A-Za-z0-9]+"));
            found += names.size();
        }
        assertThat(found).isPositive();
    }
}
