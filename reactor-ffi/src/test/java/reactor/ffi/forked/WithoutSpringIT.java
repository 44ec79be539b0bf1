package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.springframework.boot.SpringApplication;
import reactor.ffi.fixture.ForkedJvm;

/** Spring is optional: without its jars on the class path all but the package for it works. */
class WithoutSpringIT {

    @Test
    void theRestRunsWithoutSpring() {
        assertThat(ForkedJvm.of(Stream.class)
                        .withoutLibrary("spring-")
                        .run()
                        .assertExitedCleanly()
                        .out()
                        .lines())
                .containsExactly("100 delivered", "1 scheduler", "a stub", "no Spring: NoClassDefFoundError");
    }

    static final class Stream {
        public static void main(String[] args) {
            BareStream.run();
            try {
                System.out.println("Spring: " + SpringApplication.class);
            } catch (NoClassDefFoundError missing) {
                System.out.println("no Spring: " + missing.getClass().getSimpleName());
            }
        }
    }
}
