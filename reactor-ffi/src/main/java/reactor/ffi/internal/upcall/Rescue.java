package reactor.ffi.internal.upcall;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.function.Consumer;

/**
 * The target of a binding that answers instead of another one: the user's fallback, and who hears of what it throws.
 *
 * @param fallback what answers
 * @param errors see {@link Callee#fallbackErrors}
 */
record Rescue(Binding fallback, Consumer<? super Throwable> errors) {

    /** {@code (Object)Binding}. */
    static final MethodHandle FALLBACK;

    /** {@code (Throwable, Object)void}: reports what it threw. */
    static final MethodHandle FAILED;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            FALLBACK = lookup.findVirtual(Rescue.class, "fallback", methodType(Binding.class))
                    .asType(methodType(Binding.class, Object.class));
            FAILED = MethodHandles.permuteArguments(
                    lookup.findVirtual(Rescue.class, "failed", methodType(void.class, Throwable.class))
                            .asType(methodType(void.class, Object.class, Throwable.class)),
                    methodType(void.class, Throwable.class, Object.class),
                    1,
                    0);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @SuppressWarnings("unused") // FAILED
    private void failed(Throwable thrown) {
        try {
            errors.accept(thrown);
        } catch (Throwable nobodyLeftToTell) {
            // as of a handler that fails
        }
    }
}
