package reactor.ffi.faults;

import java.io.IOException;
import java.util.function.Supplier;
import reactor.core.Exceptions;

/** What user code may throw: what Java knows, what Reactor treats as fatal, and what is awkward to pass on. */
enum Fault {
    RUNTIME_EXCEPTION(IllegalStateException.class, () -> new IllegalStateException("on purpose")),
    CHECKED_EXCEPTION(IOException.class, () -> new IOException("on purpose")),
    ASSERTION(AssertionError.class, () -> new AssertionError("on purpose")),
    STACK_OVERFLOW(StackOverflowError.class, Fault::deeper),
    OUT_OF_MEMORY(OutOfMemoryError.class, Fault::hoard),
    VIRTUAL_MACHINE(InternalError.class, () -> new InternalError("on purpose")),
    LINKAGE(NoClassDefFoundError.class, () -> new NoClassDefFoundError("on purpose")),
    ERROR_OF_ITS_OWN(Death.class, Death::new),
    BUBBLED(IllegalStateException.class, () -> Exceptions.bubble(new IllegalStateException("on purpose"))),
    OVERFLOW(IllegalStateException.class, () -> Exceptions.failWithOverflow("on purpose")),
    BARE(Bare.class, Bare::new),
    SPEECHLESS(Speechless.class, Speechless::new);

    private final Class<? extends Throwable> type;

    @SuppressWarnings("ImmutableEnumChecker") // it has no state
    private final Supplier<Throwable> maker;

    Fault(Class<? extends Throwable> type, Supplier<Throwable> maker) {
        this.type = type;
        this.maker = maker;
    }

    /** Throws it, declared nowhere. */
    void raise() {
        sneak(maker.get());
    }

    /** Whether it is this, or has this in it. */
    boolean isIn(Throwable seen) {
        return isIn(type, seen);
    }

    static boolean isIn(Class<? extends Throwable> type, Throwable seen) {
        if (type.isInstance(seen) || (seen.getCause() != null && isIn(type, seen.getCause()))) {
            return true;
        }
        for (Throwable suppressed : seen.getSuppressed()) {
            if (isIn(type, suppressed)) {
                return true;
            }
        }
        return false;
    }

    /** Whether a stack trace in a log is its. */
    boolean isIn(String log) {
        return log.contains(type.getName()) || log.contains("on purpose");
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void sneak(Throwable thrown) throws E {
        throw (E) thrown;
    }

    @SuppressWarnings("InfiniteRecursion")
    private static Throwable deeper() {
        return deeper();
    }

    private static Throwable hoard() {
        return new OutOfMemoryError("never made, for " + new long[Integer.MAX_VALUE].length);
    }

    /** As ThreadDeath was: of no kind that anybody knows. */
    private static final class Death extends Error {

        private static final long serialVersionUID = 1L;
    }

    /** Keeps no stack, and no suppressed exceptions: as those that the JVM has made in advance. */
    private static final class Bare extends RuntimeException {

        private static final long serialVersionUID = 1L;

        Bare() {
            super("on purpose", null, false, false);
        }
    }

    /** Nothing can be logged of it. */
    private static final class Speechless extends RuntimeException {

        private static final long serialVersionUID = 1L;

        @Override
        public String getMessage() {
            throw new UnsupportedOperationException(
                    "getMessage of " + getClass().getName());
        }
    }
}
