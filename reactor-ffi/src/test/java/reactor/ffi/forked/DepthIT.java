package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.fixture.Callbacks.Recurse;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;

/** Promise 2: C and Java that call each other do not reach the end of the stack, where HotSpot aborts. */
class DepthIT {

    private static final int LEVELS = 10_000;

    @Test
    void tenThousandLevelsEndAtTheLimitAndTheStreamLivesOn() {
        ForkedJvmResult result = ForkedJvm.run(Recursion.class).assertExitedCleanly();
        assertThat(result.out().lines())
                .containsExactly("main 65", "native 65", "scheduler 65", "refused 3", "again 5", "complete");
    }

    @Test
    void theHighestLimitStillFitsOnANativeStack() {
        ForkedJvm.of(Recursion.class)
                .jvmOptions("-Dreactor.ffi.nesting.limit=1024")
                .arguments("native")
                .run()
                .assertExitedCleanly()
                .assertOut("native 1025", "refused 1", "again 5", "complete");
    }

    /** How deep that is depends on what is compiled; a native thread has a stack of its own. */
    @Test
    void onASmallStackTheRoomThatIsLeftEndsItBeforeTheJvmDoes() {
        ForkedJvmResult result = ForkedJvm.of(Recursion.class)
                .jvmOptions("-Xss256k")
                .run()
                .assertExitedCleanly()
                .assertOut("native 65", "refused 3", "again 5", "complete");
        for (String thread : new String[] {"main ", "scheduler "}) {
            assertThat(result.out().lines().filter(line -> line.startsWith(thread)))
                    .singleElement()
                    .satisfies(line -> assertThat(Integer.parseInt(line.substring(thread.length())))
                            .isBetween(17, 65));
        }
    }

    static final class Recursion {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("deep");
            boolean everywhere = args.length == 0;
            NativeFlux.create(CallbackOptions.named("deep").on(scheduler), sink -> {
                        MemorySegment[] self = new MemorySegment[1];
                        Recurse deeper = level -> Calls.recurse(self[0], level - 1);
                        self[0] = sink.callback(Recurse.class, deeper);
                        if (everywhere) {
                            System.out.println("main " + Calls.recurse(self[0], LEVELS));
                        }
                        System.out.println("native " + Calls.recurseOnThread(self[0], LEVELS));
                        scheduler.schedule(() -> {
                            if (everywhere) {
                                System.out.println("scheduler " + Calls.recurse(self[0], LEVELS));
                            }
                            System.out.println(
                                    "refused " + CallbackMetrics.of("deep").refusedCalls());
                            System.out.println("again " + Calls.recurse(self[0], 5));
                            sink.complete();
                        });
                    })
                    .doOnComplete(() -> System.out.println("complete"))
                    .subscribe();
        }
    }
}
