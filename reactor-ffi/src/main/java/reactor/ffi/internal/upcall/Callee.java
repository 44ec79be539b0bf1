package reactor.ffi.internal.upcall;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Whoever a slot belongs to. */
public interface Callee {

    /**
     * A handler threw, or returned what C cannot take; native code has got, or gets, the fallback. On the thread that ran
     * the handler.
     */
    void handlerFailed(Throwable thrown);

    /**
     * A handler was not run: there was no turn for it in time, or no stack. Native code has got, or gets, the fallback.
     *
     * @param why null if there is nothing to tell
     */
    default void callRefused(@Nullable Throwable why) {
        if (why != null) {
            handlerFailed(why);
        }
    }

    /**
     * Who hears of what a fallback throws; native code gets a zero then. It outlives its callee, for late calls, and so must
     * not hold it.
     */
    Consumer<? super Throwable> fallbackErrors();

    /** Where its calls are counted. */
    CallCounters counters();
}
