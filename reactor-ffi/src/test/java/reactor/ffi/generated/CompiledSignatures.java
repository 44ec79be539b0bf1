package reactor.ffi.generated;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import javax.tools.ToolProvider;

/** Signatures with their interfaces and C functions: one call of the C compiler and one of javac for all of them. */
public final class CompiledSignatures implements AutoCloseable {

    private final Path folder;
    private final Arena arena = Arena.ofShared();
    private final SymbolLookup library;
    private final URLClassLoader loader;

    public CompiledSignatures(List<GeneratedSignature> signatures) throws Exception {
        folder = Files.createTempDirectory("signatures");
        List<String> javac = new ArrayList<>(List.of("-proc:none", "-d", folder.toString()));
        StringBuilder c = new StringBuilder("#include <pthread.h>\n#include <stdint.h>\n#include <stdlib.h>\n");
        Set<String> structs = new LinkedHashSet<>();
        signatures.forEach(signature -> signature.structs(struct -> structs.add(struct.definition())));
        structs.forEach(c::append);
        for (int i = 0; i < signatures.size(); i++) {
            Path file = folder.resolve("S" + i + ".java");
            Files.writeString(file, signatures.get(i).java("S" + i));
            javac.add(file.toString());
            c.append(signatures.get(i).c("S" + i));
        }
        if (ToolProvider.getSystemJavaCompiler().run(null, null, null, javac.toArray(String[]::new)) != 0) {
            throw new IllegalStateException("javac refuses what is in " + folder);
        }
        Files.writeString(folder.resolve("signatures.c"), c);
        run("cc", "-O1", "-std=gnu11", "-shared", "-fPIC", "-pthread", "-o", "signatures.so", "signatures.c");
        library = SymbolLookup.libraryLookup(folder.resolve("signatures.so"), arena);
        loader = new URLClassLoader(
                new URL[] {folder.toUri().toURL()}, getClass().getClassLoader());
    }

    private void run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .inheritIO()
                .start();
        if (!process.waitFor(60, TimeUnit.SECONDS) || process.exitValue() != 0) {
            process.destroyForcibly();
            throw new IllegalStateException("the C compiler refuses " + folder.resolve("signatures.c"));
        }
    }

    /** The interface of the signature with this number. */
    public Class<?> type(int number) throws ClassNotFoundException {
        return loader.loadClass("S" + number);
    }

    /** {@code drive}: see {@link GeneratedSignature#c}. */
    public MethodHandle drive(int number) {
        return Linker.nativeLinker()
                .downcallHandle(
                        find("drive_S" + number), FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, ADDRESS, JAVA_INT));
    }

    /** A function or variable, such as {@code take_S0}. */
    public MemorySegment find(String name) {
        return library.find(name).orElseThrow();
    }

    @Override
    public void close() throws IOException {
        arena.close();
        loader.close();
        try (var files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }
}
