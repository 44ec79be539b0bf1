package reactor.ffi.samples.video;

import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/** What a test needs on the machine. Where it is missing the test says so by name, or fails where it was asked to. */
final class Installed {

    private Installed() {}

    /** The libraries and the elements. */
    static void gstreamer() {
        try {
            GStreamer.init();
        } catch (MissingException missing) {
            if (Boolean.getBoolean("reactor.ffi.test.requireLibraries")) {
                Assertions.fail("required, and not here: " + missing.getMessage(), missing);
            }
            Assumptions.abort("skipped: " + missing.getMessage());
        }
    }
}
