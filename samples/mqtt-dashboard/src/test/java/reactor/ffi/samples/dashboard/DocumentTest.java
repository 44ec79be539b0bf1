package reactor.ffi.samples.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
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
