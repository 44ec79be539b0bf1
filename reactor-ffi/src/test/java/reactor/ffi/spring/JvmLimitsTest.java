package reactor.ffi.spring;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.SpringApplication;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;

/** Only the names below are changed; no class of the library reads them here. */
class JvmLimitsTest {

    private static final Pattern READ = Pattern.compile("\"(reactor\\.ffi\\.(?!internal)[a-z.]+)\"");

    private final StandardEnvironment environment = new StandardEnvironment();
    private String before;

    @BeforeEach
    @AfterEach
    void none() {
        String now = System.clearProperty("reactor.ffi.nesting.limit");
        if (before != null) {
            System.setProperty("reactor.ffi.nesting.limit", before);
        } else {
            before = now;
        }
    }

    private void process(Map<String, Object> properties) {
        environment.getPropertySources().addFirst(new MapPropertySource("application", properties));
        new JvmLimits().postProcessEnvironment(environment, new SpringApplication());
    }

    @Test
    void aPropertyOfTheApplicationBecomesASystemProperty() {
        process(Map.of("reactor.ffi.nesting.limit", "77"));
        assertThat(System.getProperty("reactor.ffi.nesting.limit")).isEqualTo("77");
    }

    @Test
    void aPropertyOfTheCommandLineStays() {
        System.setProperty("reactor.ffi.nesting.limit", "55");
        process(Map.of("reactor.ffi.nesting.limit", "77"));
        assertThat(System.getProperty("reactor.ffi.nesting.limit")).isEqualTo("55");
    }

    @Test
    void nothingIsSetWhereTheAutoConfigurationIsSwitchedOff() {
        process(Map.of("reactor.ffi.nesting.limit", "77", "reactor.ffi.enabled", "false"));
        assertThat(System.getProperty("reactor.ffi.nesting.limit")).isNull();
    }

    @Test
    void eachSystemPropertyThatTheLibraryReadsCanBeSet() throws IOException {
        Set<String> read = new TreeSet<>();
        Path sources = Path.of("src/main/java/reactor/ffi/internal");
        try (Stream<Path> files = Files.walk(sources)) {
            List<Path> java =
                    files.filter(file -> file.toString().endsWith(".java")).toList();
            for (Path file : java) {
                Files.readString(file, StandardCharsets.UTF_8)
                        .lines()
                        .filter(line -> !line.contains("getLogger"))
                        .flatMap(line -> READ.matcher(line).results())
                        .forEach(found -> read.add(found.group(1)));
            }
        }
        assertThat(JvmLimits.NAMES).doesNotHaveDuplicates().containsExactlyInAnyOrderElementsOf(read);
    }
}
