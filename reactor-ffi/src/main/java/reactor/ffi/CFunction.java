package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.MemorySegment;
import reactor.ffi.internal.upcall.Downcalls;
import reactor.ffi.internal.upcall.Signature;

/**
 * Calls a C function pointer through a functional interface: for functions that C hands in as arguments, and for unit tests
 * that fire a callback without C. The instance may be used from any thread; it must not be called after the function has
 * been unloaded. A struct that it returns is in memory that the garbage collector frees.
 */
public final class CFunction {

    private CFunction() {}

    /**
     * Makes a function pointer callable.
     *
     * @param pointer the C function
     * @param type a functional interface of its signature
     * @param <F> the functional interface
     * @return an instance that calls the function on the calling thread
     * @throws IllegalArgumentException if the pointer is NULL or on the heap, or the interface is not fit; the message names
     *     what is wrong
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
     * @throws IllegalArgumentException if the pointer is NULL or on the heap, or has a layout that this platform's C does not
     */
    public static <F> F at(MemorySegment pointer, CallbackType<F> type) {
        return Downcalls.at(requireNonNull(pointer, "pointer"), (Signature<F>) requireNonNull(type, "type"));
    }
}
