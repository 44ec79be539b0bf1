/** POSIX signals through the JVM's own dispatcher. Knows the JDK, and Reactor's loggers. */
@NullMarked
package reactor.ffi.internal.signal;

import org.jspecify.annotations.NullMarked;
