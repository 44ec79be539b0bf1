/** Function pointers that never enter the JVM: machine code that copies its arguments into a ring. Knows the JDK only. */
@NullMarked
package reactor.ffi.internal.ring;

import org.jspecify.annotations.NullMarked;
