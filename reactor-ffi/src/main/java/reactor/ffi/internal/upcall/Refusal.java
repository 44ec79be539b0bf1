package reactor.ffi.internal.upcall;

import org.jspecify.annotations.Nullable;

/** Thrown in the place of a handler that was not run: the call counts as refused, not as failed, and gets the fallback. */
public final class Refusal extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** Makes a refusal. The callee reports the cause; null means that there is nothing to report. */
    public Refusal(String message, @Nullable Throwable cause) {
        super(message, cause, false, false);
    }
}
