package reactor.ffi.docs;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A Java block of a document, and the class that it is compiled in.
 *
 * <p>A block is the body of a method that may throw anything; it may declare local interfaces and records. A block with a
 * line that begins with {@code static} is members of a class instead. A block may begin with imports, beside the usual
 * ones, which every block has. What a reader has to imagine, such as functions that jextract generated, stands in comments
 * of the document: {@code <!-- compile-with: members -->} just before a block is for that block, {@code <!--
 * compile-all-with: members -->} anywhere is for all of them.
 *
 * @param document the file, from the root of the repository
 * @param line where the text begins in it, from 1
 * @param text the block
 * @param members what is declared around it
 */
record Snippet(String document, int line, String text, String members) {

    private static final Pattern FOR_ALL = Pattern.compile("<!-- compile-all-with:(.*?)-->", Pattern.DOTALL);
    private static final Pattern BLOCK = Pattern.compile(
            "(?:<!-- compile-with:((?:(?!-->).)*)-->\\s*)?^```java\\n(.*?)^```$", Pattern.DOTALL | Pattern.MULTILINE);
    private static final Pattern IMPORT = Pattern.compile("^import .*;$", Pattern.MULTILINE);
    private static final Pattern MEMBERS = Pattern.compile("^static ", Pattern.MULTILINE);

    private static final String USUAL_IMPORTS = """
            import static java.lang.foreign.ValueLayout.*;
            import java.lang.foreign.*;
            import java.lang.invoke.*;
            import java.time.*;
            import java.util.*;
            import java.util.concurrent.*;
            import java.util.concurrent.atomic.*;
            import reactor.core.*;
            import reactor.core.publisher.*;
            import reactor.core.scheduler.*;
            import reactor.ffi.*;
            import reactor.test.*;
            """;

    /** The root of the repository, from any folder in it. */
    static Path root() {
        Path here = Path.of("").toAbsolutePath();
        while (!Files.exists(here.resolve("CONTRIBUTING.md"))) {
            here = here.getParent();
        }
        return here;
    }

    static List<Snippet> of(Path root, String document) throws IOException {
        String markdown = Files.readString(root.resolve(document), StandardCharsets.UTF_8);
        StringBuilder forAll = new StringBuilder();
        Matcher comment = FOR_ALL.matcher(markdown);
        while (comment.find()) {
            forAll.append(comment.group(1));
        }
        List<Snippet> snippets = new ArrayList<>();
        Matcher block = BLOCK.matcher(markdown);
        while (block.find()) {
            int line = 1 + (int) markdown.substring(0, block.start(2)).lines().count();
            String own = block.group(1) == null ? "" : block.group(1);
            snippets.add(new Snippet(document, line, block.group(2), forAll + own));
        }
        return snippets;
    }

    /**
     * The blocks of a document whose sections are one class each: a block sees what the other blocks below its heading
     * declare. Sections begin with {@code ##}.
     */
    static List<Snippet> bySection(Path root, String document) throws IOException {
        List<Snippet> alone = of(root, document);
        String[] lines =
                Files.readString(root.resolve(document), StandardCharsets.UTF_8).split("\n", -1);
        Map<Snippet, Integer> headings = new LinkedHashMap<>();
        for (Snippet snippet : alone) {
            int heading = snippet.line;
            while (!lines[heading - 1].startsWith("## ")) {
                heading--;
            }
            headings.put(snippet, heading);
        }
        List<Snippet> together = new ArrayList<>();
        headings.forEach((snippet, heading) -> {
            StringBuilder others = new StringBuilder(snippet.members);
            headings.forEach(
                    (other, its) -> others.append(its.equals(heading) && !other.equals(snippet) ? other.text : ""));
            together.add(new Snippet(document, snippet.line, snippet.text, others.toString()));
        });
        return together;
    }

    String name() {
        return document + ":" + line;
    }

    String className() {
        return name().replaceAll("\\W", "_");
    }

    /** A compilation unit, with the block on its second line and those that follow. */
    String source() {
        boolean statements = !MEMBERS.matcher(text).find();
        StringBuilder source = new StringBuilder(USUAL_IMPORTS.replace('\n', ' '));
        IMPORT.matcher(text + members).results().forEach(found -> source.append(found.group()));
        source.append("final class ")
                .append(className())
                .append(statements ? " { void block() throws Throwable {\n" : " {\n");
        source.append(IMPORT.matcher(text).replaceAll("")).append(statements ? "}\n" : "\n");
        return source.append(IMPORT.matcher(members).replaceAll(""))
                .append("\n}\n")
                .toString();
    }

    /** Where a line of {@link #source()} is in the document. */
    long lineInDocument(long lineInSource) {
        return line + lineInSource - 2;
    }
}
