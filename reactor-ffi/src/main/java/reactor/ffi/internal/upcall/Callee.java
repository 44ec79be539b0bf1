package reactor.ffi.internal.upcall;

/** Whoever a slot belongs to. */
public interface Callee {

    /**
     * A handler threw, or returned what C cannot take; native code has got, or gets, the fallback. On the thread that ran
     * the handler.
     */
    void handlerFailed(Throwable thrown);

    /** Where its calls are counted. */
    CallCounters counters();
}
