package reactor.ffi.internal.stream;

/** The subscription as its {@link Listeners} see it. Called on the scheduler's thread, except {@link #signal}. */
interface Listening {

    /** Returns whether a handler may run, so that what it hands over is delivered there and then. */
    boolean wantsRecords();

    /** Returns whether records are of no use any more. */
    boolean isOver();

    /** Has the scheduler look at the ring. Called by any thread. */
    void signal();

    /** Runs the work on the scheduler's thread once the time is over. */
    void executeAfter(long nanos, Runnable work);

    /** Ends the stream, because a listener's handler has thrown. */
    void listenerFailed(Throwable thrown);

    /** Ends the stream, because a producer has found the ring full and closed it. */
    void ringFull();

    /** Ends the stream, because a native thread has died over its record. */
    void producerDied();
}
