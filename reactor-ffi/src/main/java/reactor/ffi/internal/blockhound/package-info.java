/** What BlockHound is told, if it is there. Nothing else knows BlockHound, and nothing knows this. */
@NullMarked
package reactor.ffi.internal.blockhound;

import org.jspecify.annotations.NullMarked;
