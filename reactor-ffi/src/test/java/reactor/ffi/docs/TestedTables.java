package reactor.ffi.docs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Documents whose tables name a test in the last column of each row, and the sources of those tests. */
public final class TestedTables {

    /** The module's folder. */
    public static final Path BASE = Path.of(System.getProperty("basedir", "")).toAbsolutePath();

    private static final Pattern TEST = Pattern.compile(
            "@(?:Test|ParameterizedTest|RepeatedTest|Property)\\b(?:\\([^)]*\\))?(?:\\s*@\\w+(?:\\((?:[^()]|\\([^)]*\\))*\\))?)*\\s*void (\\w+)\\(");

    private TestedTables() {}

    /** The rows of all tables of a document, without their headings. */
    public static List<String> rows(Path document) throws IOException {
        List<String> lines = Files.readAllLines(document);
        List<String> rows = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            boolean heading = i + 1 < lines.size() && lines.get(i + 1).startsWith("|---");
            if (lines.get(i).startsWith("| ") && !heading) {
                rows.add(lines.get(i));
            }
        }
        return rows;
    }

    /** The cells of a row; the first and the last one are what stands outside of its lines, that is nothing. */
    public static String[] cells(String row) {
        return row.split(" *\\| *", -1);
    }

    /** The methods of a source that are tests. */
    public static List<String> tests(String source) {
        return TEST.matcher(source)
                .results()
                .map((MatchResult found) -> found.group(1))
                .toList();
    }

    /** The source of a test class or a race, by its simple name; empty if there is none. */
    public static String source(String test) throws IOException {
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
}
