/** What every room may know. Knows the JDK, and Reactor's loggers. */
@NullMarked
package reactor.ffi.internal;

import org.jspecify.annotations.NullMarked;
