package reactor.ffi.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.docs.CompiledSnippets.Loaded;
import reactor.ffi.fixture.Until;

/** The code of docs/recipes.md, compiled from the document once in a JVM. */
final class Recipes {

    private Recipes() {}

    static List<Snippet> snippets() {
        try {
            return Snippet.bySection(Snippet.root(), "docs/recipes.md");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The folder of the class files. */
    static Path classes() {
        return Compiled.CLASSES;
    }

    /** Calls the method of that name, which only one recipe may have; the caller knows what the recipe returns. */
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    static <T> T recipe(String method, Object... arguments) {
        return (T) Compiled.LOADED.call(method, arguments);
    }

    /** A stream whose values are records of the document's own classes: a test compares what they print. */
    static Flux<String> printed(String method, Object... arguments) {
        Flux<?> values = recipe(method, arguments);
        return values.map(String::valueOf);
    }

    static void awaitUnregistered(String name) {
        Until.that(name + " is unregistered", () -> CallbackMetrics.of(name).subscribers() == 0);
    }

    /** Only when a recipe is asked for. */
    private static final class Compiled {

        static final Path CLASSES = folder();
        static final Loaded LOADED = compile();

        private static Path folder() {
            try {
                return Files.createTempDirectory(Path.of("target").toAbsolutePath(), "recipes");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static Loaded compile() {
            CompiledSnippets compiled = CompiledSnippets.of(snippets(), CLASSES);
            assertThat(compiled.problems().values()).allMatch(List::isEmpty);
            return compiled.load();
        }
    }
}
