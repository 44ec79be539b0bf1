package reactor.ffi.internal.ring;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.util.Objects.requireNonNull;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.Property;

/** The machine code for the processor and the system that the JVM runs on. */
public final class Machine {

    private static final boolean X64 = is("amd64");
    private static final boolean ARM64 = is("aarch64");

    private Machine() {}

    /** Returns whether listeners are machine code here; else they are upcalls that do the same. */
    public static boolean hasEmitter() {
        return (X64 || (ARM64 && Arm64.CLEAR_CACHE != null)) && Property.read("reactor.ffi.machine.code", 1, 0, 1) == 1;
    }

    private static boolean is(String processor) {
        return System.getProperty("os.name").equals("Linux")
                && System.getProperty("os.arch").equals(processor);
    }

    static boolean isX64() {
        return X64;
    }

    static byte[] body(Shape shape) {
        return X64 ? X64Producer.body(shape) : Arm64Producer.body(shape, Arm64.HAS_SWAP);
    }

    static byte[] thunk(int cell, int body) {
        return X64 ? X64Producer.thunk(cell, body) : Arm64Producer.thunk(cell, body);
    }

    /** Makes new code in these pages visible to the processor, if it caches instructions apart from data. */
    static void written(long address, long bytes) {
        if (ARM64) {
            Arm64.clearCache(address, bytes);
        }
    }

    /** What the emitter for aarch64 needs to know of the processor. */
    @SuppressWarnings("restricted")
    private static final class Arm64 {

        private static final long AT_HWCAP = 16;
        private static final long HWCAP_ATOMICS = 1 << 8;

        /** Whether the processor has the Large System Extensions. */
        static final boolean HAS_SWAP = hasSwap();

        /** The function of the compiler's library that makes new code visible; null where that is not installed. */
        static final @Nullable MethodHandle CLEAR_CACHE = clearCache();

        private static boolean hasSwap() {
            try {
                MethodHandle getauxval =
                        SystemMemory.function("getauxval", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
                return ((long) getauxval.invokeExact(AT_HWCAP) & HWCAP_ATOMICS) != 0;
            } catch (Throwable e) {
                throw SystemMemory.unchecked(e);
            }
        }

        private static @Nullable MethodHandle clearCache() {
            try {
                MemorySegment function = SymbolLookup.libraryLookup("libgcc_s.so.1", Arena.global())
                        .find("__clear_cache")
                        .orElseThrow();
                return Linker.nativeLinker().downcallHandle(function, FunctionDescriptor.ofVoid(ADDRESS, ADDRESS));
            } catch (RuntimeException absent) {
                return null;
            }
        }

        static void clearCache(long address, long bytes) {
            try {
                requireNonNull(CLEAR_CACHE)
                        .invokeExact(MemorySegment.ofAddress(address), MemorySegment.ofAddress(address + bytes));
            } catch (Throwable e) {
                throw SystemMemory.unchecked(e);
            }
        }
    }
}
