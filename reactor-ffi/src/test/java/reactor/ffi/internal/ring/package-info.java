/** Unit tests of the rings and of the machine code that writes into them; and {@code ProducerFuzz}, which writes random types. */
package reactor.ffi.internal.ring;
