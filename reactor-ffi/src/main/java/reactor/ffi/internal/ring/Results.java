package reactor.ffi.internal.ring;

/**
 * The results that C gets, as the bits of the register that holds a result: for a call that was taken, for a call that found
 * the ring full, and for a call after the end.
 */
public record Results(long taken, long full, long late) {}
