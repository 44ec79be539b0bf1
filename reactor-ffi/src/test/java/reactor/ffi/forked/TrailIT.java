package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;

/** The debug log under {@code reactor.ffi.trail}, in a JVM of its own because a logger reads its level once. */
class TrailIT {

    /** Runs a program with the log switched on, and returns the lines of the log. */
    private static Stream<String> trail(Class<?> program) {
        return ForkedJvm.of(program)
                .jvmOptions("-Dorg.slf4j.simpleLogger.log.reactor.ffi.trail=debug")
                .run()
                .assertExitedCleanly()
                .err()
                .lines()
                .filter(line -> line.contains("reactor.ffi.trail"))
                .map(line -> line.replaceAll(".*reactor.ffi.trail - ", ""));
    }

    @Test
    void eachStepOfALifeIsALineOfTheDebugLog() {
        assertThat(trail(ALife.class))
                .map(line -> line.replaceAll("slot.*\\) ", "SLOT "))
                .containsSubsequence(
                        "[life] registers on main",
                        "[life] binds reactor.ffi.fixture.Callbacks$OnEvent.onEvent to SLOT on main",
                        "[turn] lends its turn on turn",
                        "[turn] has its turn back on turn",
                        "[life] unregisters on turn",
                        "[life] retires SLOT on turn",
                        "[life] has unregistered on turn",
                        "[life] answers a late call with the fallback on main",
                        "[life] refuses a subscription: CallbackScheduler(turn) takes no new work on main");
    }

    @Test
    void soIsEachStepOfAListener() {
        assertThat(trail(AListener.class))
                .map(line -> line.replaceAll("0x[0-9a-f]+", "POINTER").replaceAll("Ring.[^]]*]", "RING"))
                .containsSubsequence(
                        "[heard] registers on main",
                        "[heard] binds reactor.ffi.fixture.Callbacks$OnEvent.onEvent to listener POINTER of RING on main",
                        "[heard] unregisters on turn",
                        "[heard] retires all listeners of RING on turn",
                        "[heard] has unregistered on turn");
    }

    static final class AListener {

        public static void main(String[] args) throws Exception {
            CallbackScheduler scheduler = CallbackScheduler.create("turn");
            CountDownLatch unregistered = new CountDownLatch(1);
            CallbackOptions options =
                    CallbackOptions.named("heard").on(scheduler).onUnregistered(unregistered::countDown);
            NativeFlux.<Long>create(
                            options, sink -> sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(id)))
                    .subscribe()
                    .dispose();
            unregistered.await();
            scheduler.disposeGracefully().block();
        }
    }

    @Test
    void byDefaultThereIsNone() {
        ForkedJvmResult result = ForkedJvm.run(ALife.class).assertExitedCleanly();
        assertThat(result.err()).doesNotContain("trail");
    }

    static final class ALife {

        public static void main(String[] args) throws Exception {
            CallbackScheduler scheduler = CallbackScheduler.create("turn");
            MemorySegment[] pointer = new MemorySegment[1];
            CountDownLatch unregistered = new CountDownLatch(1);
            CallbackOptions options =
                    CallbackOptions.named("life").on(scheduler).onUnregistered(unregistered::countDown);
            var life = NativeFlux.<Long>create(
                    options,
                    sink -> pointer[0] = sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(id)));
            CountDownLatch lent = new CountDownLatch(1);
            Disposable subscription = life.subscribe();
            scheduler.schedule(() -> scheduler.runBlocking(lent::countDown));
            lent.await();
            subscription.dispose();
            unregistered.await();
            Calls.n(pointer[0], 1, 0);
            scheduler.disposeGracefully().block();
            life.subscribe(value -> {}, error -> {});
        }
    }
}
