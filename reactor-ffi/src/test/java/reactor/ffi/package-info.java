/**
 * Tests of the public API, one class for each public type or promise: {@code *Test} runs in every build, {@code *IT}
 * in {@code verify}.
 */
package reactor.ffi;
