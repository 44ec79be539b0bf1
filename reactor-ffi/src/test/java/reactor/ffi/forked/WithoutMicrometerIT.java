package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.micrometer.CallbackMeters;

/** Micrometer is optional: without its jars on the class path all but the meters works. */
class WithoutMicrometerIT {

    @Test
    void theRestRunsWithoutMicrometer() {
        assertThat(ForkedJvm.of(Stream.class)
                        .withoutLibrary("micrometer-")
                        .run()
                        .assertExitedCleanly()
                        .out()
                        .lines())
                .containsExactly("100 delivered", "1 scheduler", "a stub", "no meters: NoClassDefFoundError");
    }

    static final class Stream {
        public static void main(String[] args) {
            BareStream.run();
            try {
                System.out.println("meters: " + new CallbackMeters().getClass());
            } catch (NoClassDefFoundError missing) {
                System.out.println("no meters: " + missing.getClass().getSimpleName());
            }
        }
    }
}
