package reactor.ffi.docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** The documents hold what they say: their Java compiles, their links lead somewhere, and no class is missing. */
class GuideTest {

    private static final Path ROOT = Snippet.root();
    private static final Path SOURCES = ROOT.resolve("reactor-ffi/src/main/java");

    /** The documents whose Java is compiled here. */
    private static final List<String> COMPILED = List.of("README.md", "docs/guide.md", "docs/coming-from.md");

    /** {@code | `Name` | what it is for |}. */
    private static final Pattern ROW_OF_A_CLASS = Pattern.compile("^\\| `(\\w+)` \\|", Pattern.MULTILINE);

    /** {@code | artifact | version |}, or {@code | artifact, optional | version |}. */
    private static final Pattern ROW_OF_A_VERSION =
            Pattern.compile("^\\| ([a-z-]+(?:, optional)? \\| \\d[\\w.]+) \\|", Pattern.MULTILINE);

    private static final Pattern LINK = Pattern.compile("\\[[^\\]]*\\]\\(([^)\\s]+)\\)");
    private static final Pattern HEADING = Pattern.compile("^#+ +(.*)$", Pattern.MULTILINE);
    private static final Pattern BLOCK = Pattern.compile("^```.*?^```$", Pattern.DOTALL | Pattern.MULTILINE);
    /** Indented ones too, which are not found as snippets. */
    private static final Pattern ANY_JAVA = Pattern.compile("(```java)");

    /** Not the names of packages, nor of the logger of the trail. */
    private static final Pattern PROPERTY = Pattern.compile("\"(reactor\\.ffi\\.(?!internal|trail)[a-z.]+)\"");

    private static final Pattern THROWS_OF_NOTHING =
            Pattern.compile("(@throws \\S+ if (?:it|there|none|one of them)\\b.*)");

    @TempDir
    static Path classes;

    @TestFactory
    Stream<DynamicTest> eachJavaBlockCompiles() throws IOException {
        List<Snippet> snippets = new ArrayList<>();
        for (String document : COMPILED) {
            List<Snippet> ofThisOne = Snippet.of(ROOT, document);
            assertThat(find(ANY_JAVA, read(document))).as(document).hasSameSizeAs(ofThisOne);
            snippets.addAll(ofThisOne);
        }
        List<Snippet> recipes = Snippet.bySection(ROOT, "docs/recipes.md");
        assertThat(find(ANY_JAVA, read("docs/recipes.md"))).hasSameSizeAs(recipes);
        snippets.addAll(recipes);
        Map<Snippet, List<String>> problems =
                CompiledSnippets.of(snippets, classes).problems();
        return snippets.stream()
                .map(snippet -> dynamicTest(
                        snippet.name(), () -> assertThat(problems.get(snippet)).isEmpty()));
    }

    @Test
    void eachClassHasItsLineInTheArchitecture() throws IOException {
        List<String> rows = find(ROW_OF_A_CLASS, read("docs/architecture.md"));
        assertThat(rows).doesNotHaveDuplicates().containsExactlyInAnyOrderElementsOf(classesOfMain());
    }

    @Test
    void eachSystemPropertyIsInTheGuide() throws IOException {
        Set<String> properties = new HashSet<>();
        for (Path source : sourcesOfMain()) {
            if (!source.startsWith(SOURCES.resolve("reactor/ffi/spring"))) { // those are in docs/spring.md
                properties.addAll(find(PROPERTY, Files.readString(source, StandardCharsets.UTF_8)));
            }
        }
        assertThat(properties).isNotEmpty();
        assertThat(find(Pattern.compile("`(reactor\\.ffi\\.[a-z.]+)` \\|"), read("docs/guide.md")))
                .containsExactlyInAnyOrderElementsOf(properties);
    }

    /** The tests run with the class path that the table names. */
    @Test
    void theVersionsThatWereRunAreThoseOfTheTests() throws IOException {
        List<String> jars = find(ROW_OF_A_VERSION, read("docs/platforms.md").replace("`", "")).stream()
                .map(row -> row.replaceAll("(, optional)? \\| ", "-") + ".jar")
                .toList();
        assertThat(jars)
                .hasSize(4)
                .allSatisfy(
                        jar -> assertThat(System.getProperty("java.class.path")).contains(jar));
    }

    /** A reader of one line, as in the window of an IDE, sees which value was refused. */
    @Test
    void eachThrowsNamesItsSubject() throws IOException {
        for (Path source : sourcesOfMain()) {
            assertThat(find(THROWS_OF_NOTHING, Files.readString(source, StandardCharsets.UTF_8)))
                    .as(source.toString())
                    .isEmpty();
        }
    }

    @TestFactory
    Stream<DynamicTest> eachLinkLeadsSomewhere() throws IOException {
        List<DynamicTest> tests = new ArrayList<>();
        for (String document : documents()) {
            for (String link : find(LINK, BLOCK.matcher(read(document)).replaceAll(""))) {
                if (!URI.create(link).isAbsolute()) {
                    tests.add(dynamicTest(document + " -> " + link, () -> assertLeadsSomewhere(document, link)));
                }
            }
        }
        return tests.stream();
    }

    private static void assertLeadsSomewhere(String document, String link) throws IOException {
        String[] fileAndAnchor = link.split("#", 2);
        Path target = fileAndAnchor[0].isEmpty()
                ? ROOT.resolve(document)
                : ROOT.resolve(document).resolveSibling(fileAndAnchor[0]);
        assertThat(target).exists();
        if (fileAndAnchor.length == 2) {
            String markdown = BLOCK.matcher(Files.readString(target, StandardCharsets.UTF_8))
                    .replaceAll("");
            assertThat(find(HEADING, markdown).stream().map(GuideTest::anchor)).contains(fileAndAnchor[1]);
        }
    }

    /** As GitHub makes them. */
    private static String anchor(String heading) {
        return heading.toLowerCase(Locale.ROOT)
                .replaceAll("[^\\p{L}\\p{N} _-]", "")
                .replace(' ', '-');
    }

    private static List<String> classesOfMain() throws IOException {
        return sourcesOfMain().stream()
                .map(source -> source.getFileName().toString().replace(".java", ""))
                .filter(name -> !name.contains("-"))
                .toList();
    }

    private static List<Path> sourcesOfMain() throws IOException {
        try (Stream<Path> files = Files.walk(SOURCES)) {
            return files.filter(file -> file.toString().endsWith(".java")).toList();
        }
    }

    private static List<String> documents() throws IOException {
        try (Stream<Path> files = Files.list(ROOT.resolve("docs"))) {
            List<String> documents = new ArrayList<>(List.of("README.md", "CONTRIBUTING.md", "CHANGELOG.md"));
            files.filter(file -> file.toString().endsWith(".md"))
                    .forEach(file -> documents.add("docs/" + file.getFileName()));
            return documents;
        }
    }

    private static List<String> find(Pattern pattern, String text) {
        return pattern.matcher(text)
                .results()
                .map((MatchResult found) -> found.group(1))
                .toList();
    }

    private static String read(String document) throws IOException {
        return Files.readString(ROOT.resolve(document), StandardCharsets.UTF_8);
    }
}
