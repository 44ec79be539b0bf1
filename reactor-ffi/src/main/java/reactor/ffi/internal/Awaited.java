package reactor.ffi.internal;

/** A value whose producer waits for what becomes of it, no longer than a limit of its own: the wait for room counts. */
public interface Awaited {

    /** What is left of the limit, in nanoseconds. */
    long nanosLeft();

    /** The limit has passed before there was room: no error of the stream. */
    void timedOut();
}
