package reactor.ffi.internal.ring;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * Pages from the operating system, on Linux. All bytes are zero at first. The pages are never given back, because native code
 * may hold their addresses.
 */
final class SystemMemory {

    static final int PAGE = 4096;

    private static final int READ = 1;
    private static final int WRITE = 2;
    private static final int EXECUTE = 4;
    private static final int PRIVATE_ANONYMOUS = 0x22;
    private static final int WIPE_ON_FORK = 18;
    private static final int SET_VMA = 0x53564d41;
    private static final long ANON_NAME = 0;

    private static final MemoryLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    private static final MethodHandle MMAP = function(
            "mmap",
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG),
            Linker.Option.captureCallState("errno"));
    private static final MethodHandle MPROTECT = function(
            "mprotect",
            FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT),
            Linker.Option.captureCallState("errno"));
    private static final MethodHandle MADVISE =
            function("madvise", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
    private static final MethodHandle PRCTL = function(
            "prctl",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS),
            Linker.Option.firstVariadicArg(1));

    private SystemMemory() {}

    /**
     * Returns pages that can be read and written.
     *
     * @param name the name of the mapping in {@code /proc/self/maps}, and so in a crash report
     * @throws IllegalStateException if the system has no memory, or no mapping, left
     */
    static long map(long bytes, String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            long address = (long) MMAP.invokeExact(state, 0L, bytes, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0L);
            if (address == -1) {
                throw refused("mmap", bytes, state);
            }
            // A kernel that names no mappings answers with an error, which does no harm.
            int _ = (int) PRCTL.invokeExact(SET_VMA, ANON_NAME, address, bytes, arena.allocateFrom(name));
            return address;
        } catch (Throwable e) {
            throw unchecked(e);
        }
    }

    /** Makes pages executable. They cannot be written any more. */
    static void makeExecutable(long address, long bytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            if ((int) MPROTECT.invokeExact(state, address, bytes, READ | EXECUTE) != 0) {
                throw refused("mprotect", bytes, state);
            }
        } catch (Throwable e) {
            throw unchecked(e);
        }
    }

    /** Has these pages be zero in a forked child. A kernel older than 4.14 cannot do that; there the child sees a copy. */
    static void wipeOnFork(long address, long bytes) {
        try {
            int _ = (int) MADVISE.invokeExact(address, bytes, WIPE_ON_FORK);
        } catch (Throwable e) {
            throw unchecked(e);
        }
    }

    private static IllegalStateException refused(String function, long bytes, MemorySegment state) {
        return new IllegalStateException(
                "the system refuses " + function + " of " + bytes + " bytes for a listener (errno "
                        + (int) ERRNO.get(state, 0L)
                        + "): give the process more memory (ulimit -v, the container's limit) or more mappings (vm.max_map_count),"
                        + " or a smaller capacity to the Overflow");
    }

    static RuntimeException unchecked(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        return thrown instanceof RuntimeException unchecked ? unchecked : new IllegalStateException(thrown);
    }

    @SuppressWarnings("restricted")
    static MethodHandle function(String name, FunctionDescriptor type, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), type, options);
    }

    /** Writes bytes to pages that are not executable yet. */
    static void write(byte[] bytes, long address) {
        MemorySegment.copy(bytes, 0, Words.MEMORY, ValueLayout.JAVA_BYTE, address, bytes.length);
    }
}
