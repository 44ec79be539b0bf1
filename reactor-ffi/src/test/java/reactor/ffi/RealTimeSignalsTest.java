package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.invoke.MethodHandles;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.core.Disposable;
import reactor.ffi.NativeSignals.Sent;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Signaller;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.fixture.Until;
import reactor.test.StepVerifier;

/**
 * Signals whose handler is a listener. In this JVM, which a real-time signal that nobody holds would end: each test waits until all that
 * it has sent have come.
 */
@Timeout(60)
class RealTimeSignalsTest {

    @FunctionalInterface
    private interface SigQueue {
        int send(int process, int signal, long value);
    }

    @FunctionalInterface
    private interface First {
        int number();
    }

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("RealTimeSignalsTest");

    private final CallbackOptions options = loop.options.overflow(Overflow.dropNewest(1024));
    private final int process = (int) ProcessHandle.current().pid();

    @BeforeEach
    void machineCode() {
        assumeTrue(ListenerType.of(OnEvent.class).isNative(), "listeners are upcalls here");
    }

    private static <F> F function(String name, Class<F> type) {
        return CFunction.named(name, CallbackType.of(type).lookup(MethodHandles.lookup()));
    }

    private static int first() {
        return function("__libc_current_sigrtmin", First.class).number();
    }

    private void send(int signal, long value) {
        SigQueue queue = function("sigqueue", SigQueue.class);
        Until.that("the queue has room", () -> queue.send(process, signal, value) == 0);
    }

    @Test
    void aSignalArrivesAsItWasSentOnTheSchedulersThread() {
        List<Sent> signals = new CopyOnWriteArrayList<>();
        List<String> threads = new CopyOnWriteArrayList<>();
        Disposable subscription = NativeSignals.realTime(options, "RTMIN+3", "RTMAX")
                .doOnNext(signal -> threads.add(Thread.currentThread().getName()))
                .subscribe(signals::add);
        send(first() + 3, 0x1234_5678_9abc_def0L);
        Until.that("the first", () -> signals.size() == 1);
        send(64, -1);
        Until.that("the second", () -> signals.size() == 2);
        subscription.dispose();
        int user = signals.get(0).user();
        assertThat(signals)
                .containsExactly(
                        new Sent("RTMIN+3", first() + 3, -1, 0x1234_5678_9abc_def0L, process, user),
                        new Sent("RTMAX", 64, -1, -1, process, user));
        assertThat(user).isEqualTo(function("getuid", First.class).number());
        assertThat(threads).containsOnly(loop.name);
    }

    @Test
    void noneCoalescesWithAnother() {
        List<Long> values = new CopyOnWriteArrayList<>();
        Disposable subscription =
                NativeSignals.realTime(options, "RTMIN+4").map(Sent::value).subscribe(values::add);
        Runnable free = loop.hold();
        for (int i = 0; i < 500; i++) {
            send(first() + 4, i);
        }
        free.run();
        Until.that("all", () -> values.size() == 500);
        subscription.dispose();
        assertThat(values)
                .containsExactlyInAnyOrderElementsOf(
                        LongStream.range(0, 500).boxed().toList());
    }

    @Test
    void thoseThatFindNoRoomAreCounted() {
        List<Sent> signals = new CopyOnWriteArrayList<>();
        Disposable subscription = NativeSignals.realTime(options.overflow(Overflow.dropNewest(8)), "RTMIN+5")
                .subscribe(signals::add);
        Runnable free = loop.hold();
        for (int i = 0; i < 20; i++) {
            send(first() + 5, i);
        }
        Until.that("twelve too many", () -> loop.metrics().droppedCalls() == 12);
        free.run();
        Until.that("eight", () -> signals.size() == 8);
        subscription.dispose();
    }

    @Test
    void eachSubscriptionGetsThemAndTheHandlerFromBeforeTooWhicheverEndsFirst() throws Exception {
        for (List<Integer> order : List.of(List.of(0, 1, 2), List.of(2, 1, 0), List.of(1, 0, 2))) {
            List<String> heard = new CopyOnWriteArrayList<>();
            Object before = Signaller.install("URG", Signaller.handler(heard::add));
            try {
                List<List<Sent>> seen = new ArrayList<>();
                List<Disposable> live = new ArrayList<>();
                IntStream.range(0, 3).forEach(i -> {
                    List<Sent> signals = new CopyOnWriteArrayList<>();
                    seen.add(signals);
                    live.add(NativeSignals.realTime(options, "URG").subscribe(signals::add));
                });
                for (int ended = 0; ended < 3; ended++) {
                    int count = ended + 1;
                    Signaller.kill("URG");
                    Until.that("the handler from before", () -> heard.size() == count);
                    for (int i : order.subList(ended, 3)) {
                        Until.that("subscription " + i, () -> seen.get(i).size() == count);
                    }
                    live.get(order.get(ended)).dispose();
                    loop.settle();
                }
                Signaller.kill("URG");
                Until.that("the handler from before alone", () -> heard.size() == 4);
                for (int i = 0; i < 3; i++) {
                    assertThat(seen.get(order.get(i))).as("%s of %s", i, order).hasSize(i + 1);
                }
                assertThat(seen.get(0).get(0).code()).as("by kill").isZero();
            } finally {
                Object _ = Signaller.install("URG", before);
            }
        }
    }

    @Test
    void theHandlerFromBeforeIsNotPutBackOverAnotherThatCameSince() throws Exception {
        List<String> heard = new CopyOnWriteArrayList<>();
        Disposable subscription = NativeSignals.realTime(options, "WINCH").subscribe();
        Object _ = Signaller.install("WINCH", Signaller.handler(heard::add));
        try {
            subscription.dispose();
            loop.settle();
            Signaller.kill("WINCH");
            Until.that("the other handler", () -> heard.size() == 1);
        } finally {
            Object _ = Signaller.install("WINCH", Signaller.constant("SIG_DFL"));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "SEGV, the JVM uses SEGV itself; take another",
        "USR2, the JVM uses USR2 itself; take another",
        "TERM, use NativeSignals.on",
        "KILL, there is no signal KILL that a process may handle",
        "RTMIN+31, the real-time signals are RTMIN to RTMIN+",
        "RTMIN-1, the real-time signals are RTMIN to RTMIN+",
        "rtmin, there is no signal rtmin"
    })
    void whatNobodyMayHandleIsRefused(String name, String why) {
        StepVerifier.create(NativeSignals.realTime(options, "RTMIN+6", name))
                .expectErrorSatisfies(refused -> assertThat(refused)
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining(why))
                .verify(SOON);
    }

    @Test
    void withoutMachineCodeTheyAreRefused() {
        System.setProperty("reactor.ffi.machine.code", "0");
        try {
            StepVerifier.create(NativeSignals.realTime(options, "RTMIN+6"))
                    .expectErrorMatches(refused -> refused instanceof UnsupportedOperationException
                            && refused.getMessage().contains("use NativeSignals.on"))
                    .verify(SOON);
        } finally {
            System.clearProperty("reactor.ffi.machine.code");
        }
    }
}
