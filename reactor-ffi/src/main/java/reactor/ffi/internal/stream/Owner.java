package reactor.ffi.internal.stream;

import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.upcall.Callee;

/** Whoever a {@link Teardown} belongs to: one subscription, or all of a shared stream. */
interface Owner extends Callee {

    /** Whether values are of no use any more, and so callbacks neither. */
    boolean isCancelled();

    /** An error that nobody is left to hear. */
    void dropped(@Nullable Throwable error);
}
