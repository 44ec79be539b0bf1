/** A Spring Boot application: callbacks of libmosquitto, or of a timer of glibc, as a page that lives. */
@NullMarked
package reactor.ffi.samples.dashboard;

import org.jspecify.annotations.NullMarked;
