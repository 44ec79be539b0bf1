package reactor.ffi.internal.upcall;

import java.util.function.Consumer;

/** Whoever a slot belongs to. */
public interface Callee {

    /**
     * A handler threw, or returned what C cannot take; native code has got, or gets, the fallback. On the thread that ran
     * the handler.
     */
    void handlerFailed(Throwable thrown);

    /**
     * Who hears of what a fallback throws; native code gets a zero then. It outlives its callee, for late calls, and so must
     * not hold it.
     */
    Consumer<? super Throwable> fallbackErrors();

    /** Where its calls are counted. */
    CallCounters counters();
}
