package reactor.ffi.internal.stream;

import reactor.ffi.internal.ring.RingOwner;

/** The subscription as its {@link Listeners} see it. Called on the scheduler's thread, except what {@link RingOwner} says otherwise. */
interface Listening extends RingOwner {

    /** Returns whether a handler may run, so that what it hands over is delivered there and then. */
    boolean wantsRecords();

    /** Returns whether records are of no use any more. */
    boolean isOver();

    /** Returns whether the calling thread is the scheduler's own. Called by any thread. */
    boolean isConsumer();

    /** Runs the work on the scheduler's thread once the time is over. */
    void executeAfter(long nanos, Runnable work);

    /** Ends the stream, because a listener's handler has thrown. */
    void listenerFailed(Throwable thrown);

    /** Ends the stream, because a producer has found the ring full and closed it. */
    void ringFull();

    /** Ends the stream, because a native thread has died over its record. */
    void producerDied();
}
