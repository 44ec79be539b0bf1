package reactor.ffi;

import org.jspecify.annotations.Nullable;

/**
 * A call into a native library that returns a value. It may throw what {@code MethodHandle.invokeExact} throws.
 *
 * @param <R> the type of the result
 */
@FunctionalInterface
public interface NativeCall<R extends @Nullable Object> {

    /**
     * Makes the call.
     *
     * @return the result
     * @throws Throwable whatever the call throws
     */
    R call() throws Throwable;
}
