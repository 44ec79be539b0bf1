package reactor.ffi.internal.upcall;

import org.jspecify.annotations.Nullable;

/** A handler was not run: its call counts as refused, not as failed, and gets the fallback. */
public final class Refusal extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** The cause is what the callee reports; null: nothing. */
    public Refusal(String message, @Nullable Throwable cause) {
        super(message, cause, false, false);
    }
}
