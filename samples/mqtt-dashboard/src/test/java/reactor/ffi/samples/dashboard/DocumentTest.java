package reactor.ffi.samples.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What docs/spring.md shows is what the sample does: each line of its code is a line here. */
class DocumentTest {

    private static final Path DOCUMENT = Path.of("../../docs/spring.md");
    private static final Pattern BLOCK = Pattern.compile("```(?:java|xml|properties)\\R(.*?)```", Pattern.DOTALL);

    @Test
    void eachLineOfItsCodeIsALineOfTheSample() throws IOException {
        List<String> shown = BLOCK.matcher(Files.readString(DOCUMENT))
                .results()
                .map(MatchResult::group)
                .flatMap(block -> block.lines().filter(line -> !line.startsWith("```")))
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .toList();
        assertThat(shown).hasSizeGreaterThan(20).isSubsetOf(lines());
    }

    @Test
    void aFirstStartIsNotSilent() throws IOException {
        assertThat(Files.readAllLines(DOCUMENT).stream().filter(line -> line.contains("exec:exec")))
                .hasSize(2)
                .noneMatch(line -> line.contains(" -q"));
    }

    /** The page names the version of the WebJar. */
    @Test
    void thePageLoadsTheChartsThatThePomNames() throws IOException {
        String page = Files.readString(Path.of("src/main/resources/static/index.html"));
        Matcher script = Pattern.compile("src=\"(webjars/[^\"]+)\"").matcher(page);
        assertThat(script.find()).isTrue();
        assertThat(getClass().getResource("/META-INF/resources/" + script.group(1)))
                .as(script.group(1))
                .isNotNull();
    }

    private static Set<String> lines() throws IOException {
        Set<String> lines = new HashSet<>();
        try (Stream<Path> files = Files.walk(Path.of("src"))) {
            for (Path file : Stream.concat(Stream.of(Path.of("pom.xml")), files.filter(Files::isRegularFile))
                    .toList()) {
                Files.readAllLines(file).forEach(line -> lines.add(line.strip()));
            }
        }
        return lines;
    }
}
