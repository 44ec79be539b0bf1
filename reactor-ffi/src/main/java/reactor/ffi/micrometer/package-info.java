/**
 * Meters of native callbacks for <a href="https://micrometer.io">Micrometer</a>, see {@link
 * reactor.ffi.micrometer.CallbackMeters}. The one package that needs Micrometer, which is not a dependency of the rest.
 */
@NullMarked
package reactor.ffi.micrometer;

import org.jspecify.annotations.NullMarked;
