/**
 * Native callbacks as Reactor streams: {@link reactor.ffi.NativeFlux} turns a C callback into a {@code Flux}, and a
 * {@link reactor.ffi.CallbackScheduler} is the one thread that its values arrive on.
 *
 * <p>Where null is not allowed, and that is wherever nothing says {@code @Nullable}, it is a {@code NullPointerException}
 * with the name of the parameter.
 */
@NullMarked
package reactor.ffi;

import org.jspecify.annotations.NullMarked;
