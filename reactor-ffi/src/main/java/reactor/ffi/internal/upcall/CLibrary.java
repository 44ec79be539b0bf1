package reactor.ffi.internal.upcall;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Finds functions of the C library. */
final class CLibrary {

    static final SymbolLookup FUNCTIONS = withParts(Linker.nativeLinker().defaultLookup());

    /** The names of functions that C, POSIX or glibc declare with {@code ...} at the end. */
    private static final String VARIADIC =
            "printf fprintf dprintf sprintf snprintf asprintf scanf fscanf sscanf wprintf fwprintf swprintf wscanf fwscanf"
                    + " swscanf strfmon syslog err errx warn warnx error error_at_line open open64 openat openat64 fcntl"
                    + " fcntl64 ioctl sem_open mq_open semctl ulimit execl execle execlp syscall prctl ptrace clone mremap"
                    + " makecontext";

    private CLibrary() {}

    /**
     * The given look-up, and after it the two libraries that glibc before 2.34 keeps threads and timers in: the linker's
     * default look-up does not search these.
     */
    static SymbolLookup withParts(SymbolLookup lookup) {
        return lookup.or(part("libpthread.so.0")).or(part("librt.so.1"));
    }

    /** A library that is loaded when a function is first looked for in it; one that is not installed has no functions. */
    @SuppressWarnings("restricted")
    private static SymbolLookup part(String library) {
        return function -> {
            try {
                return SymbolLookup.libraryLookup(library, Arena.global()).find(function);
            } catch (IllegalArgumentException absent) {
                return Optional.empty();
            }
        };
    }

    /** Returns the name of the C library's variadic function at an address, or null if there is no such function. */
    static @Nullable String variadicAt(MemorySegment pointer) {
        return Variadic.BY_ADDRESS.get(pointer.address());
    }

    /** The variadic functions by address. Looked up when the first function pointer is made callable. */
    private static final class Variadic {

        static final Map<Long, String> BY_ADDRESS = new HashMap<>();

        static {
            SymbolLookup lookup = Linker.nativeLinker()
                    .defaultLookup(); // libc has them all, except mq_open and sem_open of an old glibc
            for (String name : VARIADIC.split(" ", -1)) {
                lookup.find(name).ifPresent(function -> BY_ADDRESS.putIfAbsent(function.address(), name));
            }
        }
    }
}
