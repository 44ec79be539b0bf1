/** The scheduler's one thread: its queue, timers, idling, turn, and what keeps the JVM alive. */
@NullMarked
package reactor.ffi.internal.loop;

import org.jspecify.annotations.NullMarked;
