package reactor.ffi.samples.nats;

import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.function.Executable;

/** What a test needs on the machine. Where it is missing the test says so by name, or fails where it was asked to. */
final class Installed {

    private Installed() {}

    /** Both the client library and the server. */
    static void natsAndServer() {
        require(() -> {
            Nats.require();
            NatsServer.start(NatsServer.folders()).close();
        });
    }

    /** The client library. */
    static void nats() {
        require(Nats::require);
    }

    private static void require(Executable what) {
        try {
            what.execute();
        } catch (MissingException missing) {
            if (Boolean.getBoolean("reactor.ffi.test.requireLibraries")) {
                Assertions.fail("required, and not here: " + missing.getMessage(), missing);
            }
            Assumptions.abort("skipped: " + missing.getMessage());
        } catch (Throwable broken) {
            Assertions.fail("it is here, and does not work", broken);
        }
    }
}
