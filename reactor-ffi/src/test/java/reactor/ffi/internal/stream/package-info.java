/** Unit tests of the stream's room, for what cannot be reached from the public API. */
package reactor.ffi.internal.stream;
