package reactor.ffi.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;

/**
 * User code that throws anything, anywhere: each {@link Fault} at each {@link Place}, all in one JVM, which survives them.
 * For each: C gets its answer or the fallback, the error comes to light where the place says, what was registered is
 * unregistered once, its pointer is inert, every call and value is counted, and the scheduler goes on.
 *
 * <p>The other faults, and their tests:
 *
 * <ul>
 *   <li>The heap is full: {@link FullHeapIT}; in a stream's handler {@code ThrowingIT}, in the boundary {@code BoundaryThrowingTest}.
 *   <li>{@code System.exit}: {@link ExitAnywhereIT}, {@code ExitIT}, {@code LoopExitIT}, {@code ConfinedIT}, {@code ShareIT},
 *       {@code RunLoopTest}.
 *   <li>A blocked scheduler: {@link ExitAnywhereIT}; {@code NativeCallbackWaitTest}, {@code OverflowTest}
 *       (limit, log of both stacks), {@code CallBlockingTest}, {@code WatchTest}.
 *   <li>An interrupted native thread: {@code NativeThreadsTest} (the flag), {@code NativeCallbackTest}, {@code ExchangeTest},
 *       {@code OverflowTest}, {@code RunLoopTest} (waits are deaf to it), {@code LoopSchedulerTest} (the scheduler's own).
 *   <li>A scheduler that is disposed of under load: {@link DisposedUnderLoadIT}, {@code RandomLifetimesIT}, {@code ConfinedEndTest}.
 *   <li>Threads that end by pthread_exit: {@link PthreadExitIT}. 10,000 that come and go: {@code ChurnIT}.
 *   <li>10,000 levels of C and Java: {@code DepthIT}, {@code NestingTest}. The end of the stack in Java: here,
 *       {@code NestingTest}, and {@code ThrowingIT} at every step of a hand-over.
 *   <li>A class loader that is thrown away: {@link ClassLoaderIT}, {@code StubsTest}.
 * </ul>
 */
class ThrowAnywhereIT {

    private static ForkedJvmResult result;
    private static Set<String> lines;

    @BeforeAll
    static void runAll() {
        result = ForkedJvm.of(Matrix.class)
                .jvmOptions("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
                .timeout(Duration.ofMinutes(5))
                .run();
        lines = new HashSet<>(result.out().lines().toList());
    }

    static Stream<Arguments> cells() {
        return Place.all().stream()
                .flatMap(place -> Arrays.stream(Fault.values()).map(fault -> Arguments.of(place.name(), fault)));
    }

    @ParameterizedTest(name = "{1} in {0}")
    @MethodSource("cells")
    void whateverIsThrownIsSeenAndHarmsNobody(String place, Fault fault) {
        assertThat(lines).as("%s", result).contains("ok: " + fault + " in " + place);
    }

    @Test
    void theJvmLivesToItsEnd() {
        result.assertExitedCleanly().assertOut("C errors 0");
    }

    static final class Matrix {
        public static void main(String[] args) {
            for (Place place : Place.all()) {
                for (Fault fault : Fault.values()) {
                    String name = fault + " in " + place.name();
                    if (args.length > 0 && !name.contains(args[0])) {
                        continue;
                    }
                    try {
                        new Cell(fault).run(place);
                        System.out.println("ok: " + name);
                    } catch (Throwable broken) {
                        System.out.println("FAILED: " + name + ": " + broken + "\n    seen: " + Seen.all());
                    }
                }
            }
            System.out.println("C errors " + Fixture.errorCount());
        }
    }
}
