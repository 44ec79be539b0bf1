package reactor.ffi.internal.ring;

/**
 * What C gets for a call, as the bits that its register holds: of a call that was taken, of one that found the ring full, and of one
 * after the end.
 */
public record Results(long taken, long full, long late) {}
