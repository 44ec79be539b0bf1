/** How long the JVM lives: what keeps it up, and what runs before it ends. Knows the JDK only. */
@NullMarked
package reactor.ffi.internal.life;

import org.jspecify.annotations.NullMarked;
