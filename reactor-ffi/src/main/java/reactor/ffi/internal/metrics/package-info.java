/** What is counted for the sources of one name, and which names are known. Knows the JDK only. */
@NullMarked
package reactor.ffi.internal.metrics;

import org.jspecify.annotations.NullMarked;
