package reactor.ffi.samples.benchmarks;

import java.lang.foreign.MemorySegment;

/** {@code void (*)(int64_t, double, void *)}: the last parameter is the user data. */
@FunctionalInterface
interface OnRegistered {
    void event(long sequence, double value, MemorySegment userData);
}
