package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.publisher.Mono;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.fixture.Callbacks.Recurse;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Descent;
import reactor.ffi.fixture.ForkedJvm;

/** C and Java that call each other do not reach the end of the stack, where HotSpot aborts. */
class DepthIT {

    private static final int ENDLESS = 1_000_000;

    @Test
    void aCallThatIsOneTooDeepEndsTheStreamWithAnError() {
        assertThat(ForkedJvm.run(TooDeep.class).assertExitedCleanly().out().lines())
                .containsExactly("70 levels", "got the fallback", "refused 1", "onError RejectedExecutionException");
    }

    static final class TooDeep {
        public static void main(String[] args) {
            NativeFlux.create(CallbackOptions.named("deep"), sink -> {
                        MemorySegment[] self = new MemorySegment[1];
                        Recurse deeper = level -> Calls.recurse(self[0], level - 1);
                        self[0] = sink.callback(Recurse.class, deeper, level -> ENDLESS);
                        System.out.println(Calls.recurse(self[0], 70) + " levels");
                        int reached = Calls.recurseOnThread(self[0], ENDLESS);
                        System.out.println(reached > ENDLESS ? "got the fallback" : "reached " + reached);
                        System.out.println(
                                "refused " + CallbackMetrics.of("deep").refusedCalls());
                    })
                    .subscribe(
                            value -> {},
                            error -> System.out.println(
                                    "onError " + error.getClass().getSimpleName()));
        }
    }

    static Stream<Arguments> everywhere() {
        return Stream.of("-Xint", "-XX:TieredStopAtLevel=1", "-XX:+TieredCompilation", "-Xss256k")
                .flatMap(options -> Stream.of(Descent.values()).map(descent -> arguments(options, descent)));
    }

    /** How deep that is depends on the stack, on what is compiled, and on what a level takes. */
    @ParameterizedTest
    @MethodSource("everywhere")
    void theStackEndsItBeforeTheJvmDoesWhateverALevelTakes(String options, Descent descent) {
        ForkedJvm.of(ToTheEnd.class)
                .jvmOptions(options)
                .arguments(descent.name())
                .timeout(Duration.ofSeconds(90))
                .run()
                .assertExitedCleanly()
                .assertOut("30 times, of which refused and told 30", "again 5");
    }

    static final class ToTheEnd {

        private static final int LEAST = 16;

        private final MemorySegment[] self = new MemorySegment[1];
        private final Descent descent;
        private int told;
        private int frames;
        private int times;

        private ToTheEnd(Descent descent) {
            this.descent = descent;
        }

        public static void main(String[] args) throws Exception {
            new ToTheEnd(Descent.valueOf(args[0])).run();
        }

        private void run() throws Exception {
            NativeCallback<?> callback = descent.bind(this::direct, level -> burn(frames, level), level -> ENDLESS);
            self[0] = callback.pointer();
            CallbackScheduler scheduler = CallbackScheduler.create("deep");
            for (frames = 0; frames < 40; frames += 4) {
                toTheEnd(() -> descent.from(self[0], ENDLESS, false));
                toTheEnd(() -> descent.from(self[0], ENDLESS, true));
                toTheEnd(() -> Mono.fromCallable(() -> descent.from(self[0], ENDLESS, false))
                        .subscribeOn(scheduler)
                        .block());
            }
            long refused = CallbackMetrics.of("deep").refusedCalls();
            System.out.println(times + " times, of which refused and told " + (refused == told ? told : -1));
            System.out.println("again " + descent.from(self[0], 5, false));
            callback.close();
            scheduler.dispose();
        }

        private void toTheEnd(Callable<Integer> descend) throws Exception {
            int levels = descend.call() - ENDLESS;
            if (levels <= LEAST) {
                throw new AssertionError(levels + " levels with " + frames + " frames each");
            }
            times++;
        }

        private <F> NativeCallback<F> direct(CallbackType<F> type, F handler, F fallback) {
            return NativeCallback.direct(
                    CallbackOptions.named("deep").onError(error -> told++), type, handler, fallback);
        }

        /** Takes some stack. */
        private int burn(int left, int level) {
            return left > 0 ? burn(left - 1, level) : descent.from(self[0], level - 1, false);
        }
    }
}
