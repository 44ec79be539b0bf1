package reactor.ffi.soak;

/** One kind of load, for as long as the soak takes. */
interface Load {

    void start() throws Exception;

    /** Nothing of it runs any more when this returns, in Java or in C. */
    void stop() throws Exception;

    /** After the end: what does not add up. */
    void check(Faults faults);
}
