/** What every room may know. Knows the JDK only. */
@NullMarked
package reactor.ffi.internal;

import org.jspecify.annotations.NullMarked;
