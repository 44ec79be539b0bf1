package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import reactor.ffi.internal.upcall.Downcalls;
import reactor.ffi.internal.upcall.Errno;
import reactor.ffi.internal.upcall.Signature;

/**
 * Calls C functions through functional interfaces: functions of a library by their names, function pointers that C
 * hands in, and, in unit tests, a callback's own pointer. Make an instance once, as a constant: a call of a constant is
 * as fast as one of a method handle.
 *
 * <p>An instance may be used from any thread, and calls the function on the calling thread. It must not be called after
 * the function has been unloaded, so load libraries with {@code Arena.global()}. Arguments and results are those of
 * {@link CallbackType}; {@link NativeMemory} reads what a result points to. A pointer that is a result is of length
 * zero. A struct that is a result is in memory that the garbage collector frees. A variadic function needs {@link
 * CallbackType#variadic}; those of the C library are refused without it, those of other libraries cannot be recognised.
 */
public final class CFunction {

    private CFunction() {}

    /**
     * Makes a function of the C library callable, by the linker's default look-up. Where glibc is older than 2.34, its
     * functions for threads and timers are found too.
     *
     * @param function its name
     * @param type a functional interface of its signature
     * @param <F> the functional interface
     * @return an instance that calls the function on the calling thread
     * @throws java.util.NoSuchElementException if the C library has no such function
     * @throws IllegalArgumentException if the interface cannot stand for a C function, or the function is variadic
     * @throws IllegalCallerException if the JVM denies native access
     */
    public static <F> F named(String function, Class<F> type) {
        return named(function, CallbackType.of(type));
    }

    /**
     * Makes a function of the C library callable, by the linker's default look-up. Where glibc is older than 2.34, its
     * functions for threads and timers are found too.
     *
     * @param function its name
     * @param type its type
     * @param <F> the functional interface
     * @return an instance that calls the function on the calling thread
     * @throws java.util.NoSuchElementException if the C library has no such function
     * @throws IllegalArgumentException if the function is variadic and the type is not, or if the type has a layout
     *     that this platform's C does not have
     * @throws IllegalCallerException if the JVM denies native access
     */
    public static <F> F named(String function, CallbackType<F> type) {
        return Downcalls.named(requireNonNull(function, "function"), (Signature<F>) requireNonNull(type, "type"));
    }

    /**
     * Makes a function of a library callable.
     *
     * @param library the library, such as {@code SymbolLookup.libraryLookup("libsqlite3.so.0", Arena.global())}
     * @param function its name
     * @param type a functional interface of its signature
     * @param <F> the functional interface
     * @return an instance that calls the function on the calling thread
     * @throws java.util.NoSuchElementException if the library has no such function
     * @throws IllegalArgumentException if the interface cannot stand for a C function, or the function is a variadic
     *     one of the C library
     * @throws IllegalCallerException if the JVM denies native access
     */
    public static <F> F named(SymbolLookup library, String function, Class<F> type) {
        return named(library, function, CallbackType.of(type));
    }

    /**
     * Makes a function of a library callable.
     *
     * @param library the library, such as {@code SymbolLookup.libraryLookup("libsqlite3.so.0", Arena.global())}
     * @param function its name
     * @param type its type
     * @param <F> the functional interface
     * @return an instance that calls the function on the calling thread
     * @throws java.util.NoSuchElementException if the library has no such function
     * @throws IllegalArgumentException if the function is a variadic one of the C library and the type is not, or if
     *     the type has a layout that this platform's C does not have
     * @throws IllegalCallerException if the JVM denies native access
     */
    public static <F> F named(SymbolLookup library, String function, CallbackType<F> type) {
        return Downcalls.named(requireNonNull(library, "library"), requireNonNull(function, "function"), (Signature<F>)
                requireNonNull(type, "type"));
    }

    /**
     * Makes a function pointer callable.
     *
     * @param pointer the C function
     * @param type a functional interface of its signature
     * @param <F> the functional interface
     * @return an instance that calls the function on the calling thread
     * @throws IllegalArgumentException if the pointer is NULL or on the heap, the interface cannot stand for a C
     *     function, or the function is a variadic one of the C library; the message names what is wrong
     * @throws IllegalCallerException if the JVM denies native access
     */
    public static <F> F at(MemorySegment pointer, Class<F> type) {
        return at(pointer, CallbackType.of(type));
    }

    /**
     * Makes a function pointer callable.
     *
     * @param pointer the C function
     * @param type its type
     * @param <F> the functional interface
     * @return an instance that calls the function on the calling thread
     * @throws IllegalArgumentException if the pointer is NULL or on the heap, if the function is a variadic one of the C
     *     library and the type is not, or if the type has a layout that this platform's C does not have
     * @throws IllegalCallerException if the JVM denies native access
     */
    public static <F> F at(MemorySegment pointer, CallbackType<F> type) {
        return Downcalls.at(requireNonNull(pointer, "pointer"), (Signature<F>) requireNonNull(type, "type"));
    }

    /**
     * Returns what {@code errno} was when the calling thread's last function of a type with {@link CallbackType#errno} had
     * returned. The JVM itself overwrites C's {@code errno} at any time, so a later call of C cannot read it.
     *
     * @return the error number; it means something only where the function has said that it failed
     * @throws IllegalStateException if the calling thread has called no such function
     */
    public static int errno() {
        return Errno.last();
    }
}
