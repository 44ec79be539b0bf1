package reactor.ffi.faults;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.ForkedJvm;

/** Native threads that call, and end by pthread_exit instead of a return, leave nothing behind. */
class PthreadExitIT {

    private static final int THREADS = 200;

    @Test
    void threadsThatEndByPthreadExitAreDetachedAndNobodyWaitsForThem() {
        ForkedJvm.of(Exiting.class)
                .jvmOptions("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
                .run()
                .assertExitedCleanly()
                .assertOut(
                        "exited 200 after an event, delivered 200",
                        "exited 200 after an answer, failed 0",
                        "unregistered at once true",
                        "native threads left 0",
                        "C errors 0");
    }

    static final class Exiting {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("exiting");
            CallbackOptions options = CallbackOptions.named("exiting").on(scheduler);
            long[] unregistering = new long[1];
            Long delivered = NativeFlux.<Integer>create(options, sink -> {
                        sink.onDispose(() -> unregistering[0] = System.nanoTime() - unregistering[0]);
                        MemorySegment pointer =
                                sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(thread));
                        sink.onDispose(() -> unregistering[0] = System.nanoTime());
                        System.out.print("exited " + Calls.thenPthreadExit(pointer, THREADS, 1));
                        sink.complete();
                    })
                    .count()
                    .block(Duration.ofSeconds(20));
            System.out.println(" after an event, delivered " + delivered);
            System.out.println(
                    "unregistered at once " + (unregistering[0] < 900_000_000)); // it waits 1 s for a handler
            try (NativeCallback<OnEvent> callback = NativeCallback.threadSafe(
                    options, CallbackType.of(OnEvent.class), (thread, sequence, id) -> {}, null)) {
                System.out.print("exited " + Calls.thenPthreadExit(callback.pointer(), THREADS, 1));
            }
            System.out.println(
                    " after an answer, failed " + CallbackMetrics.of("exiting").failedCalls());
            long left = Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().contains("(native-"))
                    .count();
            System.out.println("native threads left " + left);
            System.out.println("C errors " + Fixture.errorCount());
            scheduler.dispose();
        }
    }
}
