/** Unit tests of the counters, for what cannot be reached from the public API. */
package reactor.ffi.internal.metrics;
