/** From a C function pointer to a Java handler: signatures, stubs, slots, argument scopes, the boundary. Knows the JDK only. */
@NullMarked
package reactor.ffi.internal.upcall;

import org.jspecify.annotations.NullMarked;
