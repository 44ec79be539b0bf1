package reactor.ffi.samples.kafka;

/**
 * What a handler keeps of one call of C.
 *
 * @param source which sensor
 * @param sequence its number: each source counts from 0
 * @param micros when it was measured, in microseconds since 1970
 * @param value what was measured
 */
record Event(int source, long sequence, long micros, float value) {}
