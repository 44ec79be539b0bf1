package reactor.ffi.internal.upcall;

/**
 * What a shared stub does with calls whose user data no live and no late callback has. Also remembers who has called the stub,
 * whichever slot the call was for.
 */
abstract class Strangers extends LastCaller {

    /** Counts the call, and returns what answers it. */
    abstract Binding unknown(long userData);
}
