package reactor.ffi.samples.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** What a test cannot do without. Where it is not installed the test is skipped, by name, or fails if that was asked for. */
final class Needs {

    private Needs() {}

    /** Where the broker is. */
    static Path mosquitto() {
        Optional<Path> broker = find("/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto");
        need(Mosquitto.isInstalled(), "libmosquitto.so.1 (Debian: apt install libmosquitto1)");
        need(broker.isPresent(), "mosquitto (Debian: apt install mosquitto)");
        return broker.orElseThrow();
    }

    /** Where the browser is. */
    static Path chromium() {
        return binary("chromium", "chromium");
    }

    /** Where the browser's driver is. */
    static Path chromedriver() {
        return binary("chromedriver", "chromium-driver");
    }

    private static Path binary(String name, String debian) {
        Optional<Path> found = find("/usr/bin/" + name, "/usr/local/bin/" + name);
        need(found.isPresent(), name + " (Debian: apt install " + debian + ")");
        return found.orElseThrow();
    }

    private static void need(boolean there, String what) {
        if (Boolean.getBoolean("reactor.ffi.test.requireLibraries")) {
            assertThat(there).as("there is %s", what).isTrue();
        }
        assumeTrue(there, "skipped, for there is no " + what);
    }

    private static Optional<Path> find(String... places) {
        return Stream.of(places).map(Path::of).filter(Files::isExecutable).findFirst();
    }
}
