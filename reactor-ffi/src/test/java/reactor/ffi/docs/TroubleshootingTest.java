package reactor.ffi.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.ffi.docs.Messages.Message;

/** docs/troubleshooting.md: each message of the library has a row, and each row has a message. */
class TroubleshootingTest {

    private static final Path DOCUMENT = TestedTables.BASE.resolve("../docs/troubleshooting.md");
    private static final Path SOURCES = TestedTables.BASE.resolve("src/main/java");

    /** Texts of the sources that nobody reads as a message. */
    private static final Set<String> NOT_MESSAGES = Set.of(
            "only an executor", // of methods that Reactor does not call
            "this scope is borrowed", // of an arena that no user gets
            "reported where it happened", // says to the boundary that nothing is to be reported
            "made here", // the cause of a warning, whose stack counts
            "reactor-ffi: inert ring", // the name of a mapping of memory
            "reactor-ffi"); // stands for the name of a source, in the trail

    private static final Pattern CODE = Pattern.compile("`([^`]+)`");

    /** What a row says, as a pattern of the beginning of a message. */
    private static final Map<String, Pattern> ROWS = new LinkedHashMap<>();

    private static List<Message> messages;

    @BeforeAll
    static void read() throws IOException {
        for (String row : TestedTables.rows(DOCUMENT)) {
            String[] cells = TestedTables.cells(row);
            assertThat(cells).as("message, cause and cure: " + row).hasSize(5);
            assertThat(List.of(cells[1], cells[2], cells[3])).as(row).doesNotContain("");
            List<String> texts = CODE.matcher(cells[1])
                    .results()
                    .map((MatchResult found) -> found.group(1))
                    .toList();
            assertThat(texts).as("the message of a row is code: " + row).isNotEmpty();
            texts.forEach(text -> ROWS.put(text, beginning(text)));
        }
        try (Stream<Path> files = Files.walk(SOURCES)) {
            messages = Messages.of(files.filter(file -> file.toString().endsWith(".java"))
                    .sorted()
                    .toList());
        }
        messages = messages.stream()
                .filter(message -> !NOT_MESSAGES.contains(message.text())
                        && !message.where().startsWith("CLibrary.java:")) // names of functions
                .toList();
    }

    private static Pattern beginning(String row) {
        String pattern = Stream.of(row.split(Messages.VARIES, -1))
                .map(text -> text.isEmpty() ? "" : Pattern.quote(text))
                .collect(Collectors.joining(".*"));
        return Pattern.compile(pattern + ".*");
    }

    @Test
    void eachMessageHasARow() {
        assertThat(messages).hasSizeGreaterThan(100);
        assertThat(withoutRow(messages))
                .as(
                        "messages without a row: add one to docs/troubleshooting.md, with the message (or how it begins, with "
                                + "… for what varies), its cause and its cure. A text that is no message: add it to NOT_MESSAGES")
                .isEmpty();
    }

    @Test
    void eachRowHasAMessage() {
        List<String> stale = new ArrayList<>(ROWS.keySet());
        stale.removeIf(row -> messages.stream()
                .anyMatch(message -> ROWS.get(row).matcher(message.text()).matches()));
        assertThat(stale)
                .as("rows of docs/troubleshooting.md that no message begins with")
                .isEmpty();
    }

    /** A row that fits everything would hide what is missing. */
    @Test
    void noRowFitsManyMessages() {
        for (Map.Entry<String, Pattern> row : ROWS.entrySet()) {
            assertThat(messages.stream()
                            .filter(message ->
                                    row.getValue().matcher(message.text()).matches()))
                    .as("messages that begin as this row: " + row.getKey())
                    .hasSizeLessThanOrEqualTo(5);
        }
    }

    /** The ways by which a text can become a message, and texts that are none. */
    @Test
    void aMessageWithoutARowIsFound(@TempDir Path folder) throws IOException {
        Path source = folder.resolve("New.java");
        Files.writeString(source, """
                class New {
                    private static final String WHY = "a constant that has been " + "taken apart";
                    @Deprecated(since = "text of an annotation")
                    void run(int size, Object other) {
                        LOG.warn("new log");
                        LOG.warn("{} is new and logged", other);
                        throw new IllegalStateException(("short " + size));
                    }
                    String helper(int size) {
                        return "a text of " + (size > 1 ? "a few" : "no") + " words";
                    }
                    void other() {
                        map.put("two words", "one");
                        group.gauge("name", "a meter with a description", null);
                    }
                    public String toString() {
                        return "New of three words";
                    }
                }
                """);
        assertThat(withoutRow(Messages.of(List.of(source))))
                .containsExactly(
                        "New.java:2: a constant that has been taken apart",
                        "New.java:5: new log",
                        "New.java:6: … is new and logged",
                        "New.java:7: short …",
                        "New.java:10: a text of … words");
    }

    private static List<String> withoutRow(List<Message> messages) {
        return messages.stream()
                .filter(message -> ROWS.values().stream()
                        .noneMatch(row -> row.matcher(message.text()).matches()))
                .map(Message::toString)
                .toList();
    }
}
