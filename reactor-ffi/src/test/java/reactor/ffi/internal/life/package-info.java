/** Unit tests of the room that keeps the JVM up. */
package reactor.ffi.internal.life;
