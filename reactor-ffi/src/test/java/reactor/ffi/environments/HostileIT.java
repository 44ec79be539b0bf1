package reactor.ffi.environments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.ffi.environments.Round.Signals;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Libraries;

/**
 * A {@link Round} of everything, in a JVM of its own in each environment that is hard on native code: each count is exact, the
 * JVM ends by itself with 0, and nobody has anything to say.
 */
class HostileIT {

    enum Environment {
        DENY("--illegal-native-access=deny"),
        REDUCED_SIGNALS("-Xrs"),
        INTERPRETED("-Xint"),
        SERIAL("-XX:+UseSerialGC"),
        ZGC("-XX:+UseZGC"),
        SMALL_STACKS("-Xss256k"),
        CHECKED_JNI("-Xcheck:jni"),
        ONE_CORE("taskset -c 0"),
        ADDRESS_SANITIZER("AddressSanitizer");

        private final String flags;

        Environment(String flags) {
            this.flags = flags;
        }

        /** Skips the test where this cannot be had. */
        void require() {
            switch (this) {
                case DENY -> assumeTrue(Runtime.version().feature() >= 24, "a JDK 24 for " + flags);
                case ONE_CORE -> Libraries.require(isCommand("taskset"), "taskset");
                case ADDRESS_SANITIZER ->
                    Libraries.require(ForkedJvm.hasAddressSanitizer(), "AddressSanitizer in the C compiler");
                default -> {}
            }
        }

        ForkedJvm jvm(Class<?> main) {
            ForkedJvm jvm = ForkedJvm.of(main).timeout(Duration.ofSeconds(100));
            return switch (this) {
                case ONE_CORE -> jvm.startedBy(flags.split(" "));
                case ADDRESS_SANITIZER -> jvm.addressSanitizer();
                default -> jvm.jvmOptions(flags);
            };
        }

        /** Events of each native thread: fewer, where each takes long. */
        int each() {
            return this == INTERPRETED ? 500 : 5_000;
        }

        Signals signals() {
            return this == REDUCED_SIGNALS ? Signals.REDUCED : Signals.DELIVERED;
        }

        @Override
        public String toString() {
            return flags;
        }
    }

    @ParameterizedTest(name = "{0}")
    @EnumSource
    void aRoundOfEverythingIsExactAndSilent(Environment environment) {
        environment.require();
        ForkedJvmResult result = environment
                .jvm(Round.class)
                .arguments(
                        Integer.toString(environment.each()),
                        environment.signals().name())
                .run()
                .assertExitedCleanly();
        List<String> said = lines(result);
        if (!said.equals(List.of(Round.PARTS))) {
            said.removeAll(lines(environment.jvm(Nothing.class).run())); // the JDK's own
        }
        assertThat(said).as("%s: %s", environment, result).containsExactly(Round.PARTS);
    }

    private static List<String> lines(ForkedJvmResult result) {
        return new ArrayList<>((result.out() + result.err()).lines().toList());
    }

    private static boolean isCommand(String name) {
        return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, name)));
    }

    /** What the JDK says there by itself. */
    static final class Nothing {
        public static void main(String[] args) {}
    }
}
