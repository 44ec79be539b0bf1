package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;

/** The ways in which an application is started: as modules, on the class path, without native access, and under -Xcheck:jni. */
class LaunchIT {

    private static final String DENY = "--illegal-native-access=deny";

    private static final Pattern LIBRARIES =
            Pattern.compile("classes|reactor-ffi-.*|reactor-core-.*|reactive-streams-[0-9].*|jspecify-.*");

    @TempDir
    static Path folder;

    /** An application without anything restricted of its own; its callback's interface is in a package that is not exported. */
    @BeforeAll
    static void compile() throws IOException {
        Path module = source("module-info", "module app { requires reactor.ffi; }");
        Path main = source("app/Main", """
                package app;

                import static java.lang.foreign.ValueLayout.ADDRESS;
                import static java.lang.foreign.ValueLayout.JAVA_LONG;

                import java.lang.foreign.*;
                import java.lang.invoke.MethodHandles;
                import reactor.ffi.*;

                public final class Main {
                    interface Start { MemorySegment start(MemorySegment argument); }
                    interface Create { int create(MemorySegment id, MemorySegment attributes, MemorySegment start, MemorySegment argument); }
                    interface Join { int join(long id, MemorySegment result); }

                    static <F> CallbackType<F> type(Class<F> type) {
                        return CallbackType.of(type).lookup(MethodHandles.lookup());
                    }

                    static <F> F function(String name, Class<F> type) {
                        return CFunction.at(Linker.nativeLinker().defaultLookup().find(name).orElseThrow(), type(type));
                    }

                    public static void main(String[] args) {
                        NativeFlux.<String>create(CallbackOptions.named("app"), sink -> {
                            MemorySegment start = sink.callback(type(Start.class), argument -> {
                                sink.next(Thread.currentThread().getName());
                                return argument;
                            });
                            MemorySegment id = sink.arena().allocate(JAVA_LONG);
                            function("pthread_create", Create.class).create(id, MemorySegment.NULL, start, id);
                            sink.onDispose(() -> function("pthread_join", Join.class).join(id.get(JAVA_LONG, 0), MemorySegment.NULL));
                        })
                        .take(1)
                        .subscribe(
                                name -> System.out.println("from " + name + " in " + NativeFlux.class.getModule()),
                                error -> System.out.println(error),
                                () -> System.out.println("complete"));
                    }
                }
                """);
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        String classes = folder.resolve("classes").toString();
        String[] arguments = {"-d", classes, "--module-path", libraries(), module.toString(), main.toString()};
        int failures = ToolProvider.getSystemJavaCompiler().run(null, said, said, arguments);
        assertThat(failures).as("%s: %s", libraries(), said).isZero();
    }

    @Test
    void itRunsAsNamedModulesOfWhichOnlyTheLibraryHasNativeAccess() throws Exception {
        String out = launch(true, "--enable-native-access=reactor.ffi", DENY);
        assertThat(out)
                .contains("(native-", "in module reactor.ffi", "complete")
                .doesNotContain("WARNING");
    }

    @Test
    void itRunsOnTheClassPath() throws Exception {
        String out = launch(false, "--enable-native-access=ALL-UNNAMED", DENY);
        assertThat(out).contains("(native-", "in unnamed module", "complete").doesNotContain("WARNING");
    }

    @Test
    void withoutTheFlagTheJvmOnlyWarns() throws Exception {
        assertThat(launch(true)).contains("(native-", "complete");
        assertThat(launch(false)).contains("(native-", "complete");
    }

    @Test
    void whereNativeAccessIsDeniedTheErrorNamesTheRemedy() throws Exception {
        assertThat(launch(true, DENY))
                .contains("IllegalCallerException", "Start", "--enable-native-access=reactor.ffi");
        assertThat(launch(false, DENY))
                .contains("IllegalCallerException", "Start", "--enable-native-access=ALL-UNNAMED");
    }

    @Test
    void theAttributeOfAManifestCountsOnlyInTheJarThatIsLaunched() throws Exception {
        Path launched = jar("launched.jar", true, folder.resolve("classes") + File.pathSeparator + libraries());
        assertThat(launch(List.of("-jar", launched.toString()), DENY))
                .contains("(native-", "complete")
                .doesNotContain("WARNING");

        Path inside = jar("inside.jar", true, folder.resolve("classes") + File.pathSeparator + libraries());
        assertThat(launch(List.of("-cp", inside.toString(), "app.Main"), DENY))
                .contains("IllegalCallerException", "--enable-native-access=ALL-UNNAMED");

        Path without = jar("without.jar", false, folder.resolve("classes") + File.pathSeparator + libraries());
        assertThat(launch(List.of("-jar", without.toString()), DENY))
                .contains("IllegalCallerException", "--enable-native-access=ALL-UNNAMED");
    }

    /** A jar of nothing but a manifest. */
    private static Path jar(String name, boolean nativeAccess, String classPath) throws IOException {
        Manifest manifest = new Manifest();
        Attributes attributes = manifest.getMainAttributes();
        attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        attributes.put(Attributes.Name.MAIN_CLASS, "app.Main");
        attributes.put(
                Attributes.Name.CLASS_PATH,
                Arrays.stream(classPath.split(File.pathSeparator))
                        .map(entry -> Path.of(entry).toUri().toString())
                        .collect(Collectors.joining(" ")));
        if (nativeAccess) {
            attributes.put(new Attributes.Name("Enable-Native-Access"), "ALL-UNNAMED");
        }
        Path jar = folder.resolve(name);
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar), manifest)) {
            out.flush();
        }
        return jar;
    }

    /** With three arguments for modules, class path, or neither; what it prints, both ways. It has to exit by itself, with 0. */
    private static String launch(boolean modules, String... options) throws Exception {
        String path = folder.resolve("classes") + File.pathSeparator + libraries();
        return launch(modules ? List.of("-p", path, "-m", "app/app.Main") : List.of("-cp", path, "app.Main"), options);
    }

    private static String launch(List<String> what, String... options) throws Exception {
        assumeTrue(Runtime.version().feature() >= 24 || !List.of(options).contains(DENY), "no " + DENY);
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(options));
        command.addAll(what);
        Path out = Files.createTempFile(folder, "out", ".txt");
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(out.toFile())
                .start();
        boolean ended = process.waitFor(60, TimeUnit.SECONDS);
        process.destroyForcibly().waitFor();
        String text = Files.readString(out, StandardCharsets.UTF_8);
        assertThat(ended && process.exitValue() == 0)
                .as("%s exited by itself with 0: %s", command, text)
                .isTrue();
        return text;
    }

    private static Path source(String name, String text) throws IOException {
        Path file = folder.resolve("src").resolve(name + ".java");
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    /** The library and what it needs, from the class path of the tests. */
    private static String libraries() {
        String path = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        return Arrays.stream(path.split(File.pathSeparator))
                .filter(entry -> LIBRARIES
                        .matcher(Path.of(entry).getFileName().toString())
                        .matches())
                .map(entry -> Path.of(entry).toAbsolutePath().toString())
                .collect(Collectors.joining(File.pathSeparator));
    }

    @ParameterizedTest
    @ValueSource(classes = {CancelIT.Everywhere.class, BadResultIT.Returns.class, DepthIT.TooDeep.class})
    void jniChecksHaveNothingToSay(Class<?> main) {
        assertSilent(ForkedJvm.of(main).jvmOptions("-Xcheck:jni").run().assertExitedCleanly());
    }

    @Test
    void jniChecksHaveNothingToSayAtExit() {
        assertSilent(ForkedJvm.of(ExitIT.JoinsAtExit.class)
                .jvmOptions("-Xcheck:jni")
                .run()
                .assertExitedCleanly());
    }

    private static void assertSilent(ForkedJvmResult result) {
        assertThat(result.out() + result.err()).doesNotContain("WARNING", "FATAL ERROR");
    }
}
