package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.invoke.MethodHandles;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.ListenerType;
import reactor.ffi.NativeSignals;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Until;

/**
 * Real-time signals to a JVM that collects, compiles and parks: none is lost, or lost without being counted. {@code
 * -Dreactor.ffi.test.signals=1000000} sends more.
 */
class RealTimeSignalsIT {

    private static final int SIGNALS = Integer.getInteger("reactor.ffi.test.signals", 30_000);

    @FunctionalInterface
    private interface SigQueue {
        int send(int process, int signal, long value);
    }

    @FunctionalInterface
    private interface First {
        int number();
    }

    @Test
    void eachIsThereOrCounted() {
        assumeTrue(ListenerType.of(OnEvent.class).isNative(), "listeners are upcalls here");
        ForkedJvm.of(Storm.class)
                .arguments(Integer.toString(SIGNALS))
                .run()
                .assertExitedCleanly()
                .assertOut("all there");
    }

    @Test
    void oneThatNobodyTakesAnyMoreEndsTheProcess() {
        assumeTrue(ListenerType.of(OnEvent.class).isNative(), "listeners are upcalls here");
        ForkedJvmResult result = ForkedJvm.run(Ended.class);
        assertThat(result.exitCode()).as("%s", result).isEqualTo(128 + 64);
        assertThat(result.crashLog()).isEmpty();
        assertThat(result.out().lines()).containsExactly("got 1");
    }

    static final class Ended {
        private static final int LAST = 64;

        public static void main(String[] args) throws InterruptedException {
            SigQueue queue =
                    CFunction.named("sigqueue", CallbackType.of(SigQueue.class).lookup(MethodHandles.lookup()));
            int self = (int) ProcessHandle.current().pid();
            BlockingQueue<Long> got = new LinkedBlockingQueue<>();
            Disposable subscription = NativeSignals.realTime("RTMAX")
                    .map(NativeSignals.Sent::value)
                    .subscribe(got::add);
            int _ = queue.send(self, LAST, 1);
            System.out.println("got " + got.take());
            subscription.dispose();
            Until.that("it is given back", () -> CallbackMetrics.of("signals").subscribers() == 0);
            int _ = queue.send(self, LAST, 2);
            Until.that("the process ends", () -> false);
        }
    }

    static final class Storm {

        public static void main(String[] args) {
            int count = Integer.parseInt(args[0]);
            for (int i = 0; i < 4; i++) {
                boolean collects = i == 0;
                boolean parks = i == 1;
                Thread.ofPlatform().daemon().start(() -> disturb(collects, parks));
            }
            CallbackOptions options = CallbackOptions.named("storm").overflow(Overflow.dropNewest(1024));
            BitSet seen = new BitSet();
            AtomicInteger got = new AtomicInteger();
            Disposable subscription = NativeSignals.realTime(options, "RTMIN+7").subscribe(signal -> {
                if (seen.get((int) signal.value())) {
                    System.out.println("twice: " + signal);
                }
                seen.set((int) signal.value());
                got.incrementAndGet();
            });
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            int signal = CFunction.named(
                                    "__libc_current_sigrtmin",
                                    CallbackType.of(First.class).lookup(lookup))
                            .number()
                    + 7;
            SigQueue queue =
                    CFunction.named("sigqueue", CallbackType.of(SigQueue.class).lookup(lookup));
            int self = (int) ProcessHandle.current().pid();
            for (int i = 0; i < count; ) {
                if (queue.send(self, signal, i) == 0) {
                    i++;
                } else {
                    LockSupport.parkNanos(100_000); // the kernel's queue is full
                }
            }
            Until.that(
                    "all are handled or counted",
                    () -> got.get() + CallbackMetrics.of("storm").droppedCalls() == count);
            subscription.dispose();
            System.out.println(
                    seen.cardinality() == got.get() && got.get() > 0 ? "all there" : seen.cardinality() + " of " + got);
            System.exit(0);
        }

        private static void disturb(boolean collects, boolean parks) {
            List<byte[]> garbage = new ArrayList<>();
            while (true) {
                garbage.add(new byte[1 << 16]);
                if (garbage.size() > 8) {
                    garbage.clear();
                }
                if (collects) {
                    System.gc();
                }
                if (collects || parks) {
                    LockSupport.parkNanos(10_000_000);
                }
            }
        }
    }
}
