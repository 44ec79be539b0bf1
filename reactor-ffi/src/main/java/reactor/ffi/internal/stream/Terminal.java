package reactor.ffi.internal.stream;

import org.jspecify.annotations.Nullable;

/** How a stream ends, in one field: not yet (null), completed, or failed. */
final class Terminal {

    @SuppressWarnings("StaticAssignmentOfThrowable") // a mark without a stack trace, which is never thrown
    static final Throwable COMPLETED = new Throwable("completed", null, false, false) {};

    /** The stream has completed, and a handler has failed since. */
    @SuppressWarnings("StaticAssignmentOfThrowable") // as above
    static final Throwable FAILED_SINCE = new Throwable("completed", null, false, false) {};

    private Terminal() {}

    /** Returns the error of the stream, or null if the stream has not failed. */
    @SuppressWarnings("ReferenceEquality") // marks
    static @Nullable Throwable failure(@Nullable Throwable terminal) {
        return terminal == COMPLETED || terminal == FAILED_SINCE ? null : terminal;
    }
}
