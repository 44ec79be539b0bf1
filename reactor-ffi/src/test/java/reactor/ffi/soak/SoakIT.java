package reactor.ffi.soak;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Libraries;
import reactor.ffi.fixture.Mosquitto;

/**
 * The library under all the load that the machine gives, with subscriptions, schedulers, native threads and a real broker that
 * come and go: nothing grows, and each call and each value is accounted for.
 */
class SoakIT {

    /** System property: how long, in seconds. */
    private static final String SECONDS = "reactor.ffi.test.soakSeconds";

    @Test
    @Timeout(value = 1, unit = TimeUnit.DAYS) // the forked JVM has a limit of its own
    void nothingGrowsUnderFullLoadAndEverythingAddsUp() {
        long seconds = Long.getLong(SECONDS, 60);
        ForkedJvm.of(Soak.class)
                .arguments(Long.toString(seconds))
                .jvmOptions("-Xmx512m", "-XX:NativeMemoryTracking=summary")
                // What is used after a collection is what is reachable, to the byte.
                .jvmOptions("-XX:+UseSerialGC", "-XX:MarkSweepDeadRatio=0", "-XX:MarkSweepAlwaysCompactCount=1")
                // In the first third all has been in quarantine that will be at once.
                .jvmOptions("-Dreactor.ffi.quarantine.millis=2000")
                .timeout(Duration.ofSeconds(seconds + 120))
                .echo()
                .run()
                .assertExitedCleanly()
                .assertOut("all is flat and adds up");
        Libraries.require(Mosquitto.isInstalled(), "mosquitto (Debian: libmosquitto1 and mosquitto)");
    }
}
