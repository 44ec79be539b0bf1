package reactor.ffi.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import javax.tools.JavaCompiler;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A user's class path has the library and its three dependencies, but not the annotations that only the library's own build
 * reads. A class of the public API must not lead the user's compiler to a class that has these annotations.
 */
class LintTest {

    private static final String PROGRAM = """
            import java.lang.foreign.*;
            import reactor.ffi.*;
            final class Program {
                interface OnEvent { void on(int thread, long sequence, long id); }
                interface Ask { long ask(long question); }
                static long use() {
                    CallbackOptions options = CallbackOptions.named("lint").overflow(Overflow.latest());
                    CallbackType<OnEvent> type = CallbackType.of(OnEvent.class);
                    NativeFlux.<Long>create(options, sink -> {
                        MemorySegment pointer = sink.callback(type, (thread, sequence, id) -> sink.next(id));
                        sink.onDispose(() -> System.out.println(pointer));
                    }).subscribe();
                    NativeFlux.<Long>share(options, sink -> sink.listener(OnEvent.class, (t, s, i) -> sink.next(i))).subscribe();
                    NativeFlux.<Long, Long>exchange(options, sink -> sink.callback(Ask.class, question -> 1)).subscribe();
                    NativeCallback<Ask> ask = NativeCallback.direct(Ask.class, question -> question);
                    ask.close();
                    Confined<StringBuilder> text =
                            Confined.create(CallbackScheduler.shared(), StringBuilder::new, StringBuilder::reverse);
                    text.close();
                    NativeSignals.on("HUP").subscribe();
                    SchedulerMetrics loop = SchedulerMetrics.of(CallbackScheduler.create(SchedulerOptions.named("lint")));
                    return CallbackMetrics.of("lint").events() + CallbackMetrics.all().size() + loop.turns()
                            + PoolMetrics.now().stubs() + CFunction.at(ask.pointer(), Ask.class).ask(1)
                            + NativeMemory.bytes(ask.pointer(), 0).length;
                }
            }
            """;

    @Test
    void aProgramThatUsesThePublicApiCompilesWithoutAWarning(@TempDir Path classes) throws Exception {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> (entry.endsWith("classes") && !entry.endsWith("test-classes"))
                        || entry.matches(".*(reactor-core|reactive-streams|jspecify)-[0-9.]+\\.jar"))
                .collect(Collectors.joining(File.pathSeparator));
        StringWriter said = new StringWriter();
        boolean compiled = compiler.getTask(
                        said,
                        null,
                        null,
                        List.of("-Xlint:all", "-Werror", "-d", classes.toString(), "-classpath", classPath),
                        null,
                        List.of(
                                new SimpleJavaFileObject(
                                        URI.create("string:///Program.java"), SimpleJavaFileObject.Kind.SOURCE) {
                                    @Override
                                    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                                        return PROGRAM;
                                    }
                                }))
                .call();
        assertThat(said.toString()).isEmpty();
        assertThat(compiled).isTrue();
    }
}
