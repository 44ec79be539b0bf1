package reactor.ffi.internal.upcall;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.metrics.SourceCounters;

/** The owner of a slot, which is told about calls whose handler failed or did not run. */
public interface Callee {

    /**
     * Called when a handler threw, or returned a value that C cannot take. Native code gets the fallback, or has got it.
     * Called on the thread that ran the handler.
     */
    void handlerFailed(Throwable thrown);

    /**
     * Called when a handler was not run, because the call did not get its turn in time or there was no room on the
     * stack. Native code gets the fallback, or has got it.
     *
     * @param why the reason to report; null if there is nothing to report
     */
    default void callRefused(@Nullable Throwable why) {
        if (why != null) {
            handlerFailed(why);
        }
    }

    /**
     * Returns the consumer of what a fallback throws; native code gets a zero then. The consumer outlives the callee,
     * for late calls, and must not refer to it.
     */
    Consumer<? super Throwable> fallbackErrors();

    /** Returns the counters of the callee's calls. */
    SourceCounters counters();
}
