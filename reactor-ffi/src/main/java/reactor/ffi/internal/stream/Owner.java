package reactor.ffi.internal.stream;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.loop.Errors;
import reactor.ffi.internal.upcall.Callee;

/** Whoever a {@link Teardown} belongs to: one subscription, or all of a shared stream. */
interface Owner extends Callee {

    /** Whether values are of no use any more, and so callbacks neither. */
    boolean isCancelled();

    /** Of a stream that may be gone, so it is nobody's: as what a task of the scheduler throws. */
    @Override
    default Consumer<? super Throwable> fallbackErrors() {
        return Errors::report;
    }

    /** An error that nobody is left to hear. */
    void dropped(@Nullable Throwable error);
}
