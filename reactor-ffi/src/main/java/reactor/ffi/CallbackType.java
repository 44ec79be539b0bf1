package reactor.ffi;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandles;
import reactor.ffi.internal.upcall.Signature;

/**
 * A functional interface together with the C function type that the interface stands for: of a callback, or of a
 * function that {@link CFunction} calls. Keep a type in a constant, because making a type analyses the interface.
 * Immutable: each method returns a changed copy.
 *
 * <p>For most interfaces {@code sink.callback(OnReading.class, handler)} is enough, and this class is not needed. Without
 * more words, Java's {@code boolean}, {@code byte}, {@code short}, {@code char}, {@code int}, {@code long}, {@code float},
 * {@code double} stand for C's {@code _Bool}, {@code int8_t}, {@code int16_t}, {@code uint16_t}, {@code int32_t},
 * {@code int64_t}, {@code float}, {@code double}, and {@code MemorySegment} for any pointer. For an interface that jextract
 * generated, the descriptor that jextract generated beside it is used. Give a {@link #descriptor} for structs by value, C's
 * {@code long}, and pointers whose target has a known layout.
 *
 * <p>What a handler gets for a pointer: a segment that is valid, and readable to its full length, while the handler runs
 * and on the thread that runs it; a later use is an {@code IllegalStateException}. A NULL is {@code MemorySegment.NULL}.
 * Copy what is needed later; see {@link #handles} for pointers that are only passed back.
 *
 * @param <F> the functional interface
 */
public sealed interface CallbackType<F> permits Signature {

    /**
     * Returns the C function type that the types of the interface's method stand for.
     *
     * @param type a functional interface without type parameters, whose method takes and returns Java primitives and
     *     {@code MemorySegment}
     * @param <F> the functional interface
     * @return its type
     * @throws IllegalArgumentException if the type is not such an interface; the message names what is wrong,
     *     and the remedy
     */
    static <F> CallbackType<F> of(Class<F> type) {
        return Signature.of(type);
    }

    /**
     * Says the C type exactly.
     *
     * @param descriptor layouts of the result and the parameters; their carriers must be the types of the interface's method
     * @return a changed copy
     * @throws IllegalArgumentException if the descriptor disagrees with the interface
     */
    CallbackType<F> descriptor(FunctionDescriptor descriptor);

    /**
     * Gives the right to call the interface, for one that is not public, or not exported, in a named module.
     *
     * @param lookup a lookup that can see the interface, such as {@code MethodHandles.lookup()} in its package. If it
     *     cannot, the first use of the type is an {@code IllegalArgumentException} that says so.
     * @return a changed copy
     * @throws IllegalArgumentException if the lookup sees a generated descriptor that disagrees with the interface
     */
    CallbackType<F> lookup(MethodHandles.Lookup lookup);

    /**
     * Marks pointer parameters that are handles: opaque pointers to keep and to pass back to the library. They arrive
     * unscoped and of length zero: they may be kept, and cannot be read.
     *
     * @param parameters their positions, from 0
     * @return a changed copy
     * @throws IllegalArgumentException if a position is not that of a pointer parameter
     */
    CallbackType<F> handles(int... parameters);

    /**
     * Says which parameter is the user data: what native code was given when the callback was registered, and hands back in
     * each call. Give native code {@link NativeSink#userData} or {@link NativeCallback#userData} there. Then all callbacks
     * of this C type share one pointer, and the user data says whose call it is: thousands of them cost no more than one,
     * and the end of one leaves no pointer behind that has to wait before it is used again.
     *
     * <p>Use it where the function that takes the callback takes the user data too. The parameter is a pointer or an integer
     * of 64 bits, which native code must hand back unchanged and must neither read nor free. The user data arrives like one
     * of the {@link #handles}. A call with other user data reaches no handler: native code gets the zero of the result, and the call
     * is counted in {@link PoolMetrics#unknown}.
     *
     * @param index its position, from 0
     * @return a changed copy
     * @throws IllegalArgumentException if the index is not the position of a parameter of 64 bits
     */
    CallbackType<F> userData(int index);

    /**
     * Says that the C function is variadic, as {@code open} and {@code printf} are, for {@link CFunction}. One interface is one
     * form of its call: with two parameters for {@code open(path, flags)}, with three for {@code open(path, flags, mode)}.
     *
     * @param first the position, from 0, of the first parameter that C declares with {@code ...}; the number of parameters
     *     where this form of the call has none of these
     * @return a changed copy
     * @throws IllegalArgumentException if the function has no such position, or if a parameter from there on is a
     *     {@code boolean}, {@code byte}, {@code short}, {@code char} or {@code float}, which C would pass as an {@code int}
     *     or a {@code double}. A callback of such a type is an {@code IllegalArgumentException} too.
     */
    CallbackType<F> variadic(int first);

    /**
     * Has each call keep {@code errno} for {@link CFunction#errno}. A callback of such a type is an
     * {@code IllegalArgumentException}.
     *
     * @return a changed copy
     */
    CallbackType<F> errno();
}
