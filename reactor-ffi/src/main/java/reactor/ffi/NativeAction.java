package reactor.ffi;

/**
 * A call into a native library that returns nothing. It may throw what {@code MethodHandle.invokeExact} throws.
 *
 * <p>Write {@code invokeExact} in braces, {@code () -> { STOP.invokeExact(handle); }}: without them Java takes the call for an
 * expression, asks the handle for an {@code Object}, and a void function answers with a {@code WrongMethodTypeException}.
 */
@FunctionalInterface
public interface NativeAction {

    /**
     * Makes the call.
     *
     * @throws Throwable whatever the call throws
     */
    void run() throws Throwable;
}
