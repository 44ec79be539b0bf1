package reactor.ffi;

/**
 * A call into a native library that returns nothing. It may throw what {@code MethodHandle.invokeExact} throws.
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
