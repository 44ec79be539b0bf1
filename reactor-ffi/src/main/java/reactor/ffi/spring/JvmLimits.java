package reactor.ffi.spring;

import java.util.List;
import org.springframework.boot.EnvironmentPostProcessor;
import org.springframework.boot.SpringApplication;
import org.springframework.core.Ordered;
import org.springframework.core.env.ConfigurableEnvironment;

/**
 * Lets the environment of the application set the limits that the library reads as system properties, under the same names.
 *
 * <p>The library reads each of them once, when it makes its first callback or subscription. This post-processor runs before the
 * application context exists, so a value counts unless the application has used the library before {@code
 * SpringApplication.run}. A system property that is set already, by {@code -D} or by an earlier application of this JVM, stays.
 */
final class JvmLimits implements EnvironmentPostProcessor, Ordered {

    static final List<String> NAMES = List.of(
            "reactor.ffi.stubs.limit",
            "reactor.ffi.quarantine.millis",
            "reactor.ffi.nesting.limit",
            "reactor.ffi.loop.limit",
            "reactor.ffi.registration.limit",
            "reactor.ffi.exit.limit",
            "reactor.ffi.membarrier",
            "reactor.ffi.machine.code");

    /** Last: after the post-processor that reads {@code application.properties}. */
    @Override
    public int getOrder() {
        return Ordered.LOWEST_PRECEDENCE;
    }

    @Override
    public void postProcessEnvironment(ConfigurableEnvironment environment, SpringApplication application) {
        if (!environment.getProperty("reactor.ffi.enabled", Boolean.class, true)) {
            return;
        }
        for (String name : NAMES) {
            String value = environment.getProperty(name);
            if (value != null && System.getProperty(name) == null) {
                System.setProperty(name, value);
            }
        }
    }
}
