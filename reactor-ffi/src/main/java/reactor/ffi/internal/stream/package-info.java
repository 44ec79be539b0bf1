/** A subscription: its queue and overflow policy, its drain, and the order of its end. */
@NullMarked
package reactor.ffi.internal.stream;

import org.jspecify.annotations.NullMarked;
