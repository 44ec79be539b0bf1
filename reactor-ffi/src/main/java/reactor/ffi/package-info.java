/**
 * Native callbacks as Reactor streams: {@link reactor.ffi.NativeFlux} turns a C callback into a {@code Flux}, and a
 * {@link reactor.ffi.CallbackScheduler} is the one thread that its values arrive on.
 */
@NullMarked
package reactor.ffi;

import org.jspecify.annotations.NullMarked;
