package reactor.ffi.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticListener;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;

/**
 * The blocks of documents, as javac has compiled them: what it has said of each, and the methods in them.
 *
 * @param classes the folder of the class files
 * @param problems compiler errors and warnings, each with its line in the document
 */
record CompiledSnippets(Path classes, Map<Snippet, List<String>> problems) {

    static CompiledSnippets of(List<Snippet> snippets, Path classes) {
        List<Unit> units = snippets.stream().map(Unit::new).toList();
        Map<Snippet, List<String>> problems = new HashMap<>();
        snippets.forEach(snippet -> problems.put(snippet, new ArrayList<>()));
        DiagnosticListener<JavaFileObject> listener = found -> {
            // getSource may be a wrapper: only its name tells
            for (Unit unit : units) {
                if (found.getSource() != null && found.getSource().getName().equals(unit.getName())) {
                    problems.get(unit.snippet).add(problem(unit.snippet, found));
                    return;
                }
            }
            throw new AssertionError(found);
        };
        List<String> options = List.of(
                "--release",
                "22",
                "-Xlint:all,-restricted,-processing,-path", // restricted: what native access is about
                "-proc:none",
                "-classpath",
                System.getProperty("java.class.path"),
                "-d",
                classes.toString());
        ToolProvider.getSystemJavaCompiler()
                .getTask(null, null, listener, options, null, units)
                .call();
        return new CompiledSnippets(classes, problems);
    }

    /** Loads the classes. */
    Loaded load() {
        return loaded(classes);
    }

    /** Loads the classes that were compiled into a folder, all in one loader. */
    static Loaded loaded(Path classes) {
        try (Stream<Path> files = Files.list(classes)) {
            List<String> names = files.map(file -> file.getFileName().toString())
                    .filter(file -> file.endsWith(".class") && !file.contains("$"))
                    .map(file -> file.replace(".class", ""))
                    .sorted()
                    .toList();
            URL[] folder = {classes.toUri().toURL()};
            return new Loaded(new URLClassLoader(folder, CompiledSnippets.class.getClassLoader()), names);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String problem(Snippet snippet, Diagnostic<? extends JavaFileObject> found) {
        return snippet.document() + ":" + snippet.lineInDocument(found.getLineNumber()) + ": "
                + found.getMessage(Locale.ROOT);
    }

    /** The classes of the blocks, in a loader of their own. */
    record Loaded(URLClassLoader loader, List<String> names) {

        /** Calls the static method of that name; where blocks of one section share it, that of any of them. */
        @Nullable
        Object call(String method, Object... arguments) {
            try {
                Method found = method(method);
                found.setAccessible(true);
                return found.invoke(null, arguments);
            } catch (InvocationTargetException e) {
                throw new AssertionError(method + " has thrown", e.getCause());
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("the document has no such class or method", e);
            }
        }

        private Method method(String name) throws ClassNotFoundException {
            for (String type : names) {
                for (Method method : loader.loadClass(type).getDeclaredMethods()) {
                    if (method.getName().equals(name)) {
                        return method;
                    }
                }
            }
            throw new AssertionError("no block has a method " + name);
        }
    }

    private static final class Unit extends SimpleJavaFileObject {

        private final Snippet snippet;

        Unit(Snippet snippet) {
            super(URI.create("string:///" + snippet.className() + ".java"), Kind.SOURCE);
            this.snippet = snippet;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return snippet.source();
        }
    }
}
