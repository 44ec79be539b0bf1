/** Calls that wait for an answer: handed over, answered where they are, or carried by a stream; and confined values. */
@NullMarked
package reactor.ffi.internal.call;

import org.jspecify.annotations.NullMarked;
