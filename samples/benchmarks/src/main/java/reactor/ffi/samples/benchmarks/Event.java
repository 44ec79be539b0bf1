package reactor.ffi.samples.benchmarks;

/**
 * What a handler makes of one call: the object that every contender hands over.
 *
 * @param sequence the number of the event; the upper half is that of the native thread
 * @param value half the lower half of the sequence
 */
record Event(long sequence, double value) {

    /** {@code void (*)(int64_t, double)}. */
    @FunctionalInterface
    interface OnEvent {
        void event(long sequence, double value);
    }
}
