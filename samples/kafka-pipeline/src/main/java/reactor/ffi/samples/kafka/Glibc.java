package reactor.ffi.samples.kafka;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;

/** The three functions of glibc that this sample calls: two for threads, and one that calls a function for each element of an array. */
final class Glibc {

    /** {@code void *(*)(void *)}: what a native thread runs. */
    @FunctionalInterface
    interface StartRoutine {
        MemorySegment run(MemorySegment argument);
    }

    /** {@code int (*)(const void *key, const void *element)}: {@code lfind} calls it until it returns zero. */
    @FunctionalInterface
    interface Compare {
        int compare(MemorySegment key, MemorySegment element);
    }

    private static final MethodHandle PTHREAD_CREATE =
            bind("pthread_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle PTHREAD_JOIN =
            bind("pthread_join", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS));
    private static final MethodHandle LFIND =
            bind("lfind", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS));

    private Glibc() {}

    /** Starts a native thread; returns its id. */
    static long startThread(MemorySegment routine, MemorySegment argument) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment id = arena.allocate(JAVA_LONG);
            int error = (int) PTHREAD_CREATE.invokeExact(id, MemorySegment.NULL, routine, argument);
            if (error != 0) {
                throw new IllegalStateException("pthread_create failed with error " + error);
            }
            return id.get(JAVA_LONG, 0);
        }
    }

    /** Waits until a native thread has ended. */
    static void join(long thread) throws Throwable {
        int error = (int) PTHREAD_JOIN.invokeExact(thread, MemorySegment.NULL);
        if (error != 0) {
            throw new IllegalStateException("pthread_join failed with error " + error);
        }
    }

    /**
     * Has C call a function for each element of an array, until it returns zero.
     *
     * @param count a {@code size_t} with the number of elements
     * @return for how many elements C has called it
     */
    static long forEach(MemorySegment array, MemorySegment count, long size, MemorySegment function) throws Throwable {
        MemorySegment stopped = (MemorySegment) LFIND.invokeExact(MemorySegment.NULL, array, count, size, function);
        return stopped.equals(MemorySegment.NULL)
                ? count.get(JAVA_LONG, 0)
                : (stopped.address() - array.address()) / size + 1;
    }

    @SuppressWarnings("restricted") // these are the signatures of glibc
    private static MethodHandle bind(String function, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        SymbolLookup lookup = linker.defaultLookup();
        // Before glibc 2.34 the functions for threads are in a library of their own.
        Path threads = Path.of("/lib/x86_64-linux-gnu/libpthread.so.0");
        if (Files.exists(threads)) {
            lookup = lookup.or(SymbolLookup.libraryLookup(threads, Arena.global()));
        }
        return linker.downcallHandle(
                lookup.find(function)
                        .orElseThrow(() -> new IllegalStateException(
                                function + " is not here: this sample needs Linux with glibc")),
                descriptor);
    }
}
