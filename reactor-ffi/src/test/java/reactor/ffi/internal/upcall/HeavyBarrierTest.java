package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;
import reactor.ffi.fixture.ForkedJvm;

/** Which way the fence on all threads goes. What it is for, the tests of slots, boundary and retirement show on both ways. */
class HeavyBarrierTest {

    private static final String PROPERTY = "reactor.ffi.membarrier";

    @Test
    void isTheOneThatTheTestsAreRunFor() {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "elsewhere there is no system call");
        assertThat(HeavyBarrier.isSystemCall()).isEqualTo(!"0".equals(System.getProperty(PROPERTY)));
    }

    @Test
    void isAHandshakeWhereTheSystemCallIsSwitchedOff() {
        ForkedJvm.of(Way.class)
                .jvmOptions("-D" + PROPERTY + "=0")
                .run()
                .assertExitedCleanly()
                .assertOut("system call: false");
    }

    static final class Way {
        public static void main(String[] args) {
            HeavyBarrier.issue();
            System.out.println("system call: " + HeavyBarrier.isSystemCall());
        }
    }
}
