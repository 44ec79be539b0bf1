package reactor.ffi.internal;

import java.lang.invoke.WrongMethodTypeException;

/** The trap of {@code () -> handle.invokeExact(x)}: the body of such a lambda is an expression, which asks for an Object. */
public final class InvokeExact {

    private static final String CURE = ". A lambda that is an expression asks invokeExact for an Object: write braces,"
            + " () -> { handle.invokeExact(x); }, and cast a result, () -> (int) handle.invokeExact(x)";

    private InvokeExact() {}

    /**
     * What a lambda of the user has thrown, with the cure if that is the trap.
     *
     * @param thrown anything
     * @return the same, unless it is a WrongMethodTypeException: then one that says the cure, whose cause is the other
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
