package reactor.ffi.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The metadata for native images names the library's own downcalls. Whether an image works is not tried. */
class NativeImageTest {

    private static final Path SOURCES = Path.of("src/main/java/reactor/ffi");
    private static final String METADATA =
            "/META-INF/native-image/io.github.reactor-ffi/reactor-ffi/reachability-metadata.json";

    /** A descriptor of constants alone, to the end of the statement, where the linker's options are. */
    private static final Pattern DOWNCALL =
            Pattern.compile("FunctionDescriptor\\.(of|ofVoid)\\(\\s*([A-Z][A-Za-z_.,\\s]*)\\)([^;]*);");

    private static final Pattern ENTRY = Pattern.compile(
            "\\{ \"returnType\": \"([^\"]+)\", \"parameterTypes\": \\[([^\\]]*)](?:, \"options\": (\\{[^}]*}))? }");

    @Test
    void eachDowncallOfTheLibraryIsInTheMetadata() throws IOException {
        List<String> made = new ArrayList<>();
        try (Stream<Path> files = Files.walk(SOURCES)) {
            for (Path source :
                    files.filter(file -> file.toString().endsWith(".java")).toList()) {
                DOWNCALL.matcher(Files.readString(source, StandardCharsets.UTF_8))
                        .results()
                        .forEach(downcall -> made.add(made(downcall)));
            }
        }
        String metadata =
                new String(NativeImageTest.class.getResourceAsStream(METADATA).readAllBytes(), StandardCharsets.UTF_8);
        assertThat(made).hasSizeGreaterThan(5);
        assertThat(ENTRY.matcher(metadata).results().map(NativeImageTest::listed))
                .containsExactlyInAnyOrderElementsOf(made.stream().distinct().toList());
    }

    private static String made(MatchResult downcall) {
        List<String> types = new ArrayList<>(Stream.of(downcall.group(2).split(","))
                .map(layout -> switch (layout.strip().replace("ValueLayout.", "")) {
                    case "JAVA_INT" -> "jint";
                    case "JAVA_LONG" -> "jlong";
                    case "ADDRESS" -> "void*";
                    default -> throw new AssertionError("a layout that this test does not know: " + layout);
                })
                .toList());
        String result = downcall.group(1).equals("of") ? types.removeFirst() : "void";
        String options = "";
        if (downcall.group(3).contains("captureCallState")) {
            options = "{ \"captureCallState\": true }";
        } else if (downcall.group(3).contains("firstVariadicArg(1)")) {
            options = "{ \"firstVariadicArg\": 1 }";
        }
        return result + types.stream().collect(Collectors.joining(", ", "(", ")")) + options;
    }

    private static String listed(MatchResult entry) {
        String options = entry.group(3) == null ? "" : entry.group(3);
        return entry.group(1) + "(" + entry.group(2).replace("\"", "") + ")" + options;
    }
}
