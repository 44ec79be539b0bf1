package reactor.ffi.internal.upcall;

/** What a shared stub does with calls whose user data no live and no late callback has. */
abstract class Strangers {

    /** Counts the call, and returns what answers it. */
    abstract Binding unknown(long userData);
}
