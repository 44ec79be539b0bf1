package reactor.ffi.samples.dashboard;

import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.springframework.context.ConfigurableApplicationContext;

/** The dashboard of a test, in this JVM and on a free port; closed after the test. */
final class Application implements AfterEachCallback {

    private ConfigurableApplicationContext context;

    void start(String... args) {
        context = Dashboard.run(
                Stream.concat(Stream.of("--server.port=0"), Stream.of(args)).toArray(String[]::new));
    }

    int port() {
        return context.getEnvironment().getRequiredProperty("local.server.port", Integer.class);
    }

    String property(String name) {
        return context.getEnvironment().getRequiredProperty(name);
    }

    <T> T bean(Class<T> type) {
        return context.getBean(type);
    }

    void close() {
        context.close();
    }

    @Override
    public void afterEach(ExtensionContext test) {
        if (context != null) {
            close();
        }
    }
}
