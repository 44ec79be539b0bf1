package reactor.ffi.faults;

import static reactor.ffi.fixture.Latches.awaitLatch;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeCallback;
import reactor.ffi.fixture.Callbacks.EchoSegment;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Values;

/** As many virtual threads are inside native calls as there are carriers: no other virtual thread runs. */
class PinnedCarriersIT {

    private static final Duration LIMIT = Duration.ofSeconds(10);

    @Test
    void closedAndDisposeGracefullyComplete() {
        ForkedJvm.of(Pinned.class)
                .jvmOptions("-Djdk.virtualThreadScheduler.parallelism=2", "-Djdk.virtualThreadScheduler.maxPoolSize=2")
                .run()
                .assertExitedCleanly()
                .assertOut("virtual threads wait", "disposed", "closed");
    }

    static final class Pinned {

        public static void main(String[] args) throws Exception {
            CountDownLatch free = new CountDownLatch(1);
            CountDownLatch inside = new CountDownLatch(2);
            NativeCallback<EchoSegment> pinning = NativeCallback.direct(EchoSegment.class, it -> {
                inside.countDown();
                awaitLatch(free, LIMIT.multipliedBy(3));
                return it;
            });
            for (int i = 0; i < 2; i++) {
                Thread.startVirtualThread(() -> Values.askPointer(pinning.pointer(), MemorySegment.NULL, false));
            }
            awaitLatch(inside);
            Thread virtual = Thread.startVirtualThread(() -> {});
            System.out.println(virtual.join(Duration.ofMillis(200)) ? "a virtual thread runs" : "virtual threads wait");

            CallbackScheduler scheduler = CallbackScheduler.create("pinned");
            scheduler.schedule(() -> {});
            scheduler.disposeGracefully().block(LIMIT);
            System.out.println("disposed");

            CountDownLatch running = new CountDownLatch(1);
            CountDownLatch leave = new CountDownLatch(1);
            NativeCallback<OnEvent> closing = NativeCallback.direct(OnEvent.class, (thread, sequence, id) -> {
                running.countDown();
                awaitLatch(leave);
            });
            Thread caller = new Thread(() -> Calls.n(closing.pointer(), 1, 0));
            caller.start();
            awaitLatch(running);
            closing.close(); // its handler runs: somebody has to wait for that
            leave.countDown();
            closing.closed().block(LIMIT);
            System.out.println("closed");

            free.countDown();
        }
    }
}
