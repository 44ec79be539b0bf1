package reactor.ffi.internal;

import java.lang.invoke.WrongMethodTypeException;

/**
 * Explains the trap of {@code () -> handle.invokeExact(x)}: the body of such a lambda is an expression, so that the call
 * asks for a result of type Object.
 */
public final class InvokeExact {

    private static final String CURE = ". A lambda that is an expression asks invokeExact for an Object: write braces,"
            + " () -> { handle.invokeExact(x); }, and cast a result, () -> (int) handle.invokeExact(x)";

    private InvokeExact() {}

    /**
     * Returns what a lambda of the user has thrown, with the cure if the error is that trap.
     *
     * @param thrown any error or exception
     * @return {@code thrown}; for a WrongMethodTypeException a new one that names the cure, with {@code thrown} as its
     *     cause
     */
    public static Throwable explained(Throwable thrown) {
        if (!(thrown instanceof WrongMethodTypeException)) {
            return thrown;
        }
        String message = String.valueOf(thrown.getMessage());
        if (message.endsWith(CURE)) {
            return thrown;
        }
        WrongMethodTypeException explained = new WrongMethodTypeException(message + CURE);
        explained.initCause(thrown);
        return explained;
    }
}
