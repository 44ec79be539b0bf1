package reactor.ffi;

/**
 * Passes demand on to a native library. It may throw what {@code MethodHandle.invokeExact} throws, and as with a {@link
 * NativeAction} an {@code invokeExact} is written in braces.
 */
@FunctionalInterface
public interface NativeDemand {

    /**
     * Asks for values.
     *
     * @param n how many more than before; {@code Long.MAX_VALUE} means unbounded
     * @throws Throwable whatever the call throws
     */
    void request(long n) throws Throwable;
}
