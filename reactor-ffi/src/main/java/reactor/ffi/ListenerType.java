package reactor.ffi;

import reactor.ffi.internal.stream.ListenerSignature;

/**
 * A functional interface whose calls never enter the JVM, for {@link NativeSink#listener(ListenerType, Object)}: their
 * arguments are copied, and the handler runs later, on the scheduler's thread. Make it once, as a constant. Immutable: each
 * method returns a changed copy.
 *
 * <p>For an interface without result {@code sink.listener(OnSample.class, handler)} is enough, and this class is not needed.
 * C does not wait for the handler, and so gets a constant: give the three by {@link #answering(long, long, long)}.
 *
 * @param <F> the functional interface
 */
public sealed interface ListenerType<F> permits ListenerSignature {

    /**
     * Returns the type of listeners for the C function type that the interface's method spells out.
     *
     * @param type a functional interface, see {@link CallbackType#of}
     * @param <F> the functional interface
     * @return its type
     * @throws IllegalArgumentException if the type is not such an interface, or has a struct by value; the message names the
     *     remedy
     */
    static <F> ListenerType<F> of(Class<F> type) {
        return ListenerSignature.of(type);
    }

    /**
     * Returns the type of listeners for the C function type that a {@link CallbackType} says exactly.
     *
     * @param type the C function type
     * @param <F> the functional interface
     * @return its type
     * @throws IllegalArgumentException if the type is variadic, keeps errno, or has a struct by value
     */
    static <F> ListenerType<F> of(CallbackType<F> type) {
        return ListenerSignature.of(type);
    }

    /**
     * Copies what a pointer leads to, while C calls. The handler gets a read-only segment of the copied bytes, which can be read while the
     * handler runs; {@code NULL} arrives as {@code NULL}. A pointer of which nothing is copied arrives as a segment of length zero.
     * Whoever calls the pointer has to pass a valid address, as for any C function: an invalid one ends the process.
     *
     * @param parameter the index of the pointer's parameter, from 0
     * @param copied what is copied
     * @return a changed copy
     * @throws IllegalArgumentException if the method has no such parameter, it is no pointer, or the parameter with the length is no
     *     whole number
     */
    ListenerType<F> copy(int parameter, Copied copied);

    /**
     * Gives C its results, for an interface whose method returns a whole number, a {@code boolean} as 0 or 1, or a pointer as
     * its address. What the handler returns is ignored.
     *
     * @param taken the result of a call that the handler will get
     * @param full the result of a call that found no room
     * @param late the result of a call after the end: a source that retries when it reads {@code full} stops when it reads this
     * @return a changed copy
     * @throws IllegalArgumentException if the method has no such result, or one of the numbers does not fit into it
     */
    ListenerType<F> answering(long taken, long full, long late);

    /**
     * Gives C its results, for an interface whose method returns {@code float} or {@code double}.
     *
     * @param taken the result of a call that the handler will get
     * @param full the result of a call that found no room
     * @param late the result of a call after the end
     * @return a changed copy
     * @throws IllegalArgumentException if the method has no such result
     */
    ListenerType<F> answering(double taken, double full, double late);

    /**
     * Lets the listener be called by signal handlers and by real-time threads, which must neither wait nor touch memory for the first
     * time. Its ring is in memory from the beginning, and is shared with such listeners only, so that no flood of others fills it:
     * give it a sink of its own. Options that say nothing of the {@link Overflow} get {@code dropNewest(1024)}.
     *
     * <p>{@link NativeSink#listener} refuses it where listeners are no machine code, where the options have {@link Overflow#block},
     * and on a sink that has other listeners.
     *
     * @return a changed copy
     */
    ListenerType<F> signalSafe();

    /**
     * Returns whether a listener is machine code here: on Linux, on x86-64 and aarch64. Elsewhere a listener is an upcall that
     * does the same: its calls enter the JVM, and so wait for collections, and must not come from where an upcall must not.
     *
     * @return true if its calls do not enter the JVM
     */
    boolean isNative();
}
