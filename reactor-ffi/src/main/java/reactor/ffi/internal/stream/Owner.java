package reactor.ffi.internal.stream;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.loop.Errors;
import reactor.ffi.internal.upcall.Callee;

/** The owner of a {@link Teardown}: one subscription, or all subscriptions of a shared stream. */
interface Owner extends Callee {

    /** Returns whether the stream takes no values any more, so that callbacks are of no use. */
    boolean isCancelled();

    /** Reports the error of a fallback as that of a task of the scheduler, because the stream may have ended. */
    @Override
    default Consumer<? super Throwable> fallbackErrors() {
        return Errors::report;
    }

    /** Reports an error that no subscriber is left to get. */
    void dropped(@Nullable Throwable error);
}
