package reactor.ffi.soak;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.awaitility.Awaitility;

/** Waits for a condition; a minute, since the machine is as busy as it can be. */
final class Until {

    static final Duration LIMIT = Duration.ofMinutes(1);

    private Until() {}

    static void that(String what, BooleanSupplier condition) {
        Awaitility.await(what)
                .atMost(LIMIT)
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .pollInSameThread()
                .until(condition::getAsBoolean);
    }
}
