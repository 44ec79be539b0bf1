package reactor.ffi.samples.benchmarks;

import java.lang.foreign.MemorySegment;

/** {@code void (*)(int64_t, const char *)}. */
@FunctionalInterface
interface OnText {
    void event(long sequence, MemorySegment text);
}
