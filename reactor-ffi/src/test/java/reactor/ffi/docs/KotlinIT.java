package reactor.ffi.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The program of docs/kotlin.md, compiled by Kotlin's compiler, and run. */
@Timeout(180)
class KotlinIT {

    private static final Path COMPILER = Path.of(System.getProperty("reactor.ffi.test.kotlin", "target/kotlin"));

    @TempDir
    private Path folder;

    @Test
    void theProgramCompilesWithoutAWarningAndSaysWhatIsSorted() throws Exception {
        Path program = Files.writeString(folder.resolve("Sorted.kt"), program());
        String libraries = System.getProperty("java.class.path");
        String kotlin = jars();
        Path classes = folder.resolve("classes");
        assertThat(java(
                        kotlin,
                        "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
                        "-no-stdlib",
                        "-no-reflect",
                        "-Werror",
                        "-jvm-target",
                        "22",
                        "-classpath",
                        libraries + File.pathSeparator + kotlin,
                        "-d",
                        classes.toString(),
                        program.toString()))
                .isEmpty();
        assertThat(java(String.join(File.pathSeparator, classes.toString(), kotlin, libraries), "SortedKt")
                        .lines()
                        .filter(line -> line.contains(": [")))
                .satisfiesExactly(
                        asked -> assertThat(asked).startsWith("asked: [").contains(" or "),
                        sorted -> assertThat(sorted).isEqualTo("sorted: [1, 2, 3]"),
                        sorted -> assertThat(sorted).isEqualTo("sorted: [4, 5]"));
    }

    private static String program() throws IOException {
        String page = Files.readString(Path.of("..", "docs", "kotlin.md"));
        int begin = page.indexOf("```kotlin\n") + "```kotlin\n".length();
        return page.substring(begin, page.indexOf("\n```", begin));
    }

    private static String jars() throws IOException {
        try (Stream<Path> jars = Files.list(COMPILER)) {
            return jars.map(jar -> jar.toAbsolutePath().toString())
                    .sorted()
                    .collect(Collectors.joining(File.pathSeparator));
        }
    }

    /** Returns what a program has printed. */
    private String java(String classPath, String main, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                classPath,
                main));
        command.addAll(List.of(arguments));
        Path out = folder.resolve("out.txt");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(out.toFile())
                .start();
        int exit = process.waitFor();
        String printed = Files.readString(out, StandardCharsets.UTF_8);
        assertThat(exit).as(printed).isZero();
        return printed;
    }
}
