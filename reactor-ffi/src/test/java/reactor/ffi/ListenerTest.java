package reactor.ffi;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestScheduler.SOON;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandles;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.ffi.fixture.Callbacks.EchoBoolean;
import reactor.ffi.fixture.Callbacks.EchoDouble;
import reactor.ffi.fixture.Callbacks.EchoFloat;
import reactor.ffi.fixture.Callbacks.EchoSegment;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnEventPair;
import reactor.ffi.fixture.Callbacks.OnMixed;
import reactor.ffi.fixture.Callbacks.OnReading;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.GuardedPage;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.fixture.Until;
import reactor.ffi.fixture.Values;
import reactor.test.StepVerifier;

/** What listeners promise; twice: as machine code, where there is some, and as upcalls. */
class ListenerTest {

    @Nested
    class MachineCode extends Promises {
        MachineCode() {
            super(1);
        }
    }

    @Nested
    class Upcalls extends Promises {
        Upcalls() {
            super(0);
        }
    }

    abstract static class Promises {

        @RegisterExtension
        final TestScheduler loop = new TestScheduler("ListenerTest");

        private final CallbackScheduler scheduler = loop.scheduler;
        private final String name = loop.name;
        private final CallbackOptions options = loop.options;

        private static final ListenerType<OnAsk> ON_ASK =
                ListenerType.of(OnAsk.class).answering(1, 2, 3);

        private final int machineCode;
        private final CallbackOptions dropping = options.overflow(Overflow.dropNewest(8));
        private final CallbackOptions blocking = options.overflow(Overflow.block(8, SOON));
        private final CallbackOptions failing = options.overflow(Overflow.error(8));
        private final AtomicReference<MemorySegment> pointer = new AtomicReference<>();

        Promises(int machineCode) {
            this.machineCode = machineCode;
        }

        @BeforeEach
        void choose() {
            System.setProperty("reactor.ffi.machine.code", Integer.toString(machineCode));
        }

        @AfterEach
        void choiceIsOver() {
            Fixture.clearErrors(); // C has looked for an echo, and got the listener's constant
            System.clearProperty("reactor.ffi.machine.code");
        }

        private Flux<Long> sequences(CallbackOptions options) {
            return NativeFlux.create(
                    options,
                    sink -> pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(sequence))));
        }

        private void call(long n) {
            Calls.fromThreads(pointer.get(), 1, n, 7);
        }

        @Test
        void callsArriveOnTheSchedulersThreadInTheirOrder() throws Exception {
            List<String> threads = new CopyOnWriteArrayList<>();
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            NativeFlux.<Long>create(
                            dropping,
                            sink -> pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> {
                                threads.add(Thread.currentThread().getName());
                                sink.next(sequence * 10 + id);
                            })))
                    .subscribe(recorder);
            call(5);
            Until.that("five values", () -> recorder.values.size() == 5);
            assertThat(recorder.values).containsExactly(7L, 17L, 27L, 37L, 47L);
            assertThat(threads).containsOnly(name);
            recorder.cancel();
            loop.settle();
            assertThat(loop.metrics().handledCalls()).isEqualTo(5);
            assertThat(loop.metrics().delivered()).isEqualTo(5);
        }

        @Test
        void manyTypesArrive() throws Exception {
            List<Object> seen = new CopyOnWriteArrayList<>();
            NativeFlux.<Long>create(
                            dropping,
                            sink -> pointer.set(sink.listener(
                                    ListenerType.of(OnMixed.class).answering(2.5, 0, 0),
                                    (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r) -> {
                                        seen.addAll(List.of(
                                                a, b, c, d, e, f, g, h, (int) i, j, k, l, m.address(), n, o, p, q, r));
                                        seen.add(m.byteSize());
                                        return 0;
                                    })))
                    .subscribe();
            Values.checkMixed(pointer.get(), true);
            Until.that("a call", () -> seen.size() == 19);
            List<Object> expected = new ArrayList<>();
            System.setProperty("reactor.ffi.machine.code", "0");
            NativeFlux.<Long>create(
                            dropping,
                            sink -> pointer.set(sink.callback(
                                    OnMixed.class, (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r) -> {
                                        expected.addAll(List.of(
                                                a, b, c, d, e, f, g, h, (int) i, j, k, l, m.address(), n, o, p, q, r));
                                        return 0;
                                    })))
                    .subscribe();
            Values.checkMixed(pointer.get(), true);
            expected.add(0L);
            assertThat(seen).isEqualTo(expected);
        }

        @Test
        void cGetsTheConstantsOfEachTypeOfResult() {
            NativeFlux.<Long>create(dropping, sink -> {
                        MemorySegment echo =
                                sink.listener(ListenerType.of(EchoBoolean.class).answering(1, 0, 0), value -> false);
                        assertThat(Values.askBoolean(echo, false, true)).isTrue();
                        echo = sink.listener(ListenerType.of(EchoFloat.class).answering(1.5, 0, 0), value -> 0);
                        assertThat(Values.askFloat(echo, 7, true)).isEqualTo(1.5f);
                        echo = sink.listener(ListenerType.of(EchoDouble.class).answering(-2, 0, 0), value -> 0);
                        assertThat(Values.askDouble(echo, 7, true)).isEqualTo(-2.0);
                        echo = sink.listener(
                                ListenerType.of(EchoSegment.class).answering(64, 0, 0), value -> MemorySegment.NULL);
                        assertThat(Values.askPointer(echo, MemorySegment.NULL, true)
                                        .address())
                                .isEqualTo(64);
                        sink.complete();
                    })
                    .blockLast(SOON);
        }

        @Test
        void cGetsWhatWasSaidForTakenAndFullAndLate() throws Exception {
            Runnable free = loop.hold();
            AtomicReference<MemorySegment> asked = new AtomicReference<>();
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            NativeFlux.<Long>create(
                            dropping,
                            sink -> asked.set(sink.listener(ON_ASK, (thread, sequence, id) -> {
                                sink.next(sequence);
                                return 99;
                            })))
                    .subscribe(recorder);
            Source source = Source.asking(asked.get(), 1000, 2);
            assertThat(source.run(10, 0)).isEqualTo(10);
            assertThat(source.fallbackAnswers()).as("answered as full").isEqualTo(2);
            free.run();
            Until.that("eight values", () -> recorder.values.size() == 8);
            recorder.cancel();
            loop.settle();
            Source late = Source.asking(asked.get(), 1000, 3);
            assertThat(late.run(4, 0)).isEqualTo(4);
            assertThat(late.fallbackAnswers()).as("answered as late").isEqualTo(4);
            assertThat(loop.metrics().droppedCalls()).isEqualTo(2);
            assertThat(loop.metrics().lateCalls()).isEqualTo(4);
            assertThat(loop.metrics().handledCalls()).isEqualTo(8);
            source.close();
            late.close();
        }

        @Test
        void aHandlerRunsOnlyWhileTheSubscriberWantsAValue() throws Exception {
            AtomicInteger handled = new AtomicInteger();
            Recorder recorder = new Recorder(2);
            NativeFlux.<Long>create(
                            dropping,
                            sink -> pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> {
                                handled.incrementAndGet();
                                sink.next(sequence);
                            })))
                    .subscribe(recorder);
            call(6);
            Until.that("two values", () -> recorder.values.size() == 2);
            loop.settle();
            assertThat(handled).hasValue(2);
            recorder.request(3);
            Until.that("five values", () -> recorder.values.size() == 5);
            loop.settle();
            assertThat(handled).hasValue(5);
            recorder.cancel();
            loop.settle();
            assertThat(loop.metrics().refusedCalls()).as("left in the ring").isEqualTo(1);
        }

        @Test
        void aHandlerMayHandOverNoneOrFive() throws Exception {
            Recorder recorder = new Recorder(3);
            NativeFlux.<Long>create(
                            dropping,
                            sink -> pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> {
                                for (long i = 0; i < (sequence % 2) * 5; i++) {
                                    sink.next(sequence * 10 + i);
                                }
                            })))
                    .subscribe(recorder);
            call(4);
            Until.that("three values", () -> recorder.values.size() == 3);
            recorder.request(Long.MAX_VALUE);
            Until.that("ten values", () -> recorder.values.size() == 10);
            assertThat(recorder.values).containsExactly(10L, 11L, 12L, 13L, 14L, 30L, 31L, 32L, 33L, 34L);
            recorder.cancel();
        }

        @Test
        void aCallThatFindsNoRoomIsDroppedAndCounted() throws Exception {
            Recorder recorder = new Recorder(0);
            sequences(dropping).subscribe(recorder);
            call(20);
            recorder.request(Long.MAX_VALUE);
            Until.that("eight values", () -> recorder.values.size() == 8);
            assertThat(recorder.values).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L);
            assertThat(loop.metrics().droppedCalls()).isEqualTo(12);
            recorder.cancel();
        }

        @Test
        void theMostCallsThatHaveWaitedAreKept() throws Exception {
            Recorder recorder = new Recorder(0);
            sequences(dropping).subscribe(recorder);
            call(5);
            recorder.request(Long.MAX_VALUE);
            Until.that("five values", () -> recorder.values.size() == 5);
            call(1);
            Until.that("six values", () -> recorder.values.size() == 6);
            recorder.cancel();
            loop.settle();
            assertThat(loop.metrics().mostQueuedCalls()).isEqualTo(5);
        }

        @Test
        void theCapacityIsRoundedUpToAPowerOfTwo() throws Exception {
            Recorder recorder = new Recorder(0);
            sequences(options.overflow(Overflow.dropNewest(9))).subscribe(recorder);
            call(20);
            assertThat(loop.metrics().droppedCalls()).isEqualTo(4);
            recorder.cancel();
        }

        @Test
        void anErrorFollowsWhatWasTakenAndNothingFollowsAGap() throws Exception {
            Recorder recorder = new Recorder(0);
            sequences(failing).subscribe(recorder);
            call(20);
            recorder.request(3);
            Until.that("three values", () -> recorder.values.size() == 3);
            call(20);
            recorder.request(Long.MAX_VALUE);
            assertThat(recorder.error()).hasMessageContaining("the ring of " + name + " is full: error(8)");
            assertThat(recorder.values).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L);
            loop.settle();
            assertThat(loop.metrics().droppedCalls()).isEqualTo(1);
            assertThat(loop.metrics().lateCalls()).isEqualTo(31);
        }

        /** The calls of a thread of its own, which waits for room. */
        private CompletableFuture<Void> callAndWait(long n) {
            CompletableFuture<Void> calls = CompletableFuture.runAsync(() -> call(n));
            Until.that("the thread waits", () -> loop.metrics().waiting() == 1);
            return calls;
        }

        @Test
        void aNativeThreadWaitsForRoomAndNothingIsLost() throws Exception {
            Recorder recorder = new Recorder(0);
            sequences(blocking).subscribe(recorder);
            CompletableFuture<Void> calls = callAndWait(30);
            for (int i = 1; i <= 30; i++) {
                int wanted = i;
                recorder.request(1);
                Until.that(i + " values", () -> recorder.values.size() == wanted);
            }
            calls.get(SOON.toSeconds(), TimeUnit.SECONDS);
            assertThat(recorder.values)
                    .containsExactlyElementsOf(LongStream.range(0, 30).boxed().toList());
            assertThat(loop.metrics().handledCalls()).isEqualTo(30);
            assertThat(loop.metrics().droppedCalls() + loop.metrics().lateCalls())
                    .isZero();
            recorder.cancel();
        }

        @Test
        void aFloodThatWaitsLosesNothingAndKeepsItsOrder() throws Exception {
            int threads = 8;
            int each = 5_000;
            long[] next = new long[threads];
            AtomicInteger outOfOrder = new AtomicInteger();
            AtomicInteger got = new AtomicInteger();
            NativeFlux.<Long>create(
                            options.overflow(Overflow.block(16, SOON)),
                            sink -> pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> {
                                if (next[thread]++ != sequence) {
                                    outOfOrder.incrementAndGet();
                                }
                                sink.next(sequence);
                            })))
                    .subscribe(value -> got.incrementAndGet());
            Calls.fromThreads(pointer.get(), threads, each, 0);
            Until.that("all", () -> got.get() == threads * each);
            assertThat(outOfOrder).hasValue(0);
            assertThat(loop.metrics().droppedCalls()).isZero();
        }

        @Test
        void aCancelLetsThreadsGoThatWait() throws Exception {
            Recorder recorder = new Recorder(0);
            sequences(options.overflow(Overflow.block(8, Duration.ofHours(1)))).subscribe(recorder);
            CompletableFuture<Void> calls = callAndWait(30);
            recorder.cancel();
            calls.get(SOON.toSeconds(), TimeUnit.SECONDS);
            loop.settle();
            assertThat(loop.metrics().refusedCalls()).isEqualTo(8);
            assertThat(loop.metrics().lateCalls()).isEqualTo(22);
            assertThat(loop.metrics().waiting()).isZero();
        }

        @Test
        void aThreadThatHasWaitedForTheLimitEndsTheStreamAndNothingFollowsTheGap() throws Exception {
            Recorder recorder = new Recorder(0);
            sequences(options.overflow(Overflow.block(8, Duration.ofMillis(20))))
                    .subscribe(recorder);
            call(20);
            recorder.request(Long.MAX_VALUE);
            assertThat(recorder.error())
                    .hasMessageContaining("the ring of " + name + " is full")
                    .hasMessageContaining("has waited for its limit");
            assertThat(recorder.values).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L);
            loop.settle();
            assertThat(loop.metrics().droppedCalls()).isEqualTo(1);
            assertThat(loop.metrics().lateCalls()).isEqualTo(11);
        }

        @Test
        void theSchedulersOwnThreadDoesNotWait() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            sequences(options.overflow(Overflow.block(8, Duration.ofHours(1)))).subscribe(recorder);
            loop.settle();
            boolean _ = loop.run(() -> {
                Calls.n(pointer.get(), 20, 7);
                return true;
            });
            assertThat(recorder.error()).hasMessageContaining("or must not wait");
            assertThat(recorder.values).hasSize(8);
        }

        @Test
        void aShortLendOfTheTurnLetsThreadsWait() throws Exception {
            Recorder recorder = new Recorder(0);
            sequences(blocking).subscribe(recorder);
            CompletableFuture<Void> calls = callAndWait(30);
            boolean _ = loop.run(() -> scheduler.callBlocking(() -> true));
            recorder.request(Long.MAX_VALUE);
            Until.that("thirty values", () -> recorder.values.size() == 30);
            calls.get(SOON.toSeconds(), TimeUnit.SECONDS);
            recorder.cancel();
        }

        /** 64 KiB of records of 64 bytes. */
        @Test
        void optionsThatSayNothingOfTheOverflowGetARingOfModestSize() throws Exception {
            CallbackOptions silent = CallbackOptions.named(name).on(scheduler);
            Recorder recorder = new Recorder(0);
            NativeFlux.<Long>create(
                            silent,
                            sink -> pointer.set(
                                    sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(sequence))))
                    .subscribe(recorder);
            CompletableFuture<Void> calls = callAndWait(5_000);
            recorder.cancel();
            calls.get(SOON.toSeconds(), TimeUnit.SECONDS);
            loop.settle();
            assertThat(loop.metrics().refusedCalls()).isEqualTo(1024);
        }

        @Test
        void aRingThatOverflowsWakesASleepingScheduler() throws Exception {
            Recorder recorder = new Recorder(0);
            sequences(failing).subscribe(recorder);
            call(8);
            loop.settle();
            recorder.request(8);
            Until.that("eight values", () -> recorder.values.size() == 8);
            Until.that("the scheduler sleeps", () -> {
                call(8);
                return loop.metrics().droppedCalls() > 0;
            });
            recorder.request(100);
            assertThat(recorder.error()).hasMessageContaining("is full");
        }

        @Test
        void aHandlerThatThrowsEndsTheStreamAndTheCallsBehindAreNotHandled() throws Exception {
            Recorder recorder = new Recorder(0);
            NativeFlux.<Long>create(
                            dropping,
                            sink -> pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> {
                                if (sequence == 2) {
                                    throw new IllegalStateException("third");
                                }
                                sink.next(sequence);
                            })))
                    .subscribe(recorder);
            call(6);
            recorder.request(Long.MAX_VALUE);
            assertThat(recorder.error()).hasMessage("third");
            assertThat(recorder.values).containsExactly(0L, 1L);
            assertThat(loop.metrics().failedCalls()).isEqualTo(1);
            assertThat(loop.metrics().handledCalls()).isEqualTo(3);
            assertThat(loop.metrics().refusedCalls()).isEqualTo(3);
        }

        @Test
        void completeInAHandlerLeavesTheCallsBehindIt() throws Exception {
            Recorder recorder = new Recorder(0);
            NativeFlux.<Long>create(
                            dropping,
                            sink -> pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> {
                                sink.next(sequence);
                                if (sequence == 2) {
                                    sink.complete();
                                    assertThat(sink.next(99L)).isFalse();
                                }
                            })))
                    .subscribe(recorder);
            call(6);
            recorder.request(Long.MAX_VALUE);
            assertThat(recorder.end()).startsWith("onComplete");
            assertThat(recorder.values).containsExactly(0L, 1L, 2L);
            assertThat(loop.metrics().refusedCalls()).isEqualTo(3);
        }

        @Test
        void completeElsewhereComesAfterTheCallsThatWereTaken() throws Exception {
            Recorder recorder = new Recorder(0);
            AtomicReference<NativeSink<Long>> sink = new AtomicReference<>();
            NativeFlux.<Long>create(dropping, given -> {
                        sink.set(given);
                        pointer.set(given.listener(OnEvent.class, (thread, sequence, id) -> {
                            given.next(sequence);
                            given.next(sequence + 100);
                        }));
                    })
                    .subscribe(recorder);
            call(3);
            sink.get().complete();
            assertThat(sink.get().next(99L)).isFalse();
            call(1);
            recorder.request(1);
            Until.that("a value", () -> recorder.values.size() == 1);
            recorder.request(Long.MAX_VALUE);
            assertThat(recorder.end()).startsWith("onComplete");
            assertThat(recorder.values).containsExactly(0L, 100L, 1L, 101L, 2L, 102L);
            assertThat(loop.metrics().lateCalls()).isEqualTo(1);
        }

        @Test
        void aSubscriberThatCancelsInAHandlerGetsNoMore() throws Exception {
            List<Long> values = new CopyOnWriteArrayList<>();
            CountDownLatch cancelled = new CountDownLatch(1);
            sequences(dropping)
                    .take(2)
                    .doFinally(signal -> cancelled.countDown())
                    .subscribe(values::add);
            call(6);
            awaitLatch(cancelled);
            loop.settle();
            assertThat(values).containsExactly(0L, 1L);
            Until.that("each call counted once", () -> {
                CallbackMetrics metrics = loop.metrics();
                return metrics.handledCalls() + metrics.refusedCalls() + metrics.lateCalls() == 6;
            });
        }

        @Test
        void listenersOfOneSinkKeepTheOrderOfAThread() throws Exception {
            List<Long> seen = new CopyOnWriteArrayList<>();
            MemorySegment[] pointers = new MemorySegment[2];
            NativeFlux.<Long>create(options.overflow(Overflow.dropNewest(1024)), sink -> {
                        for (int i = 0; i < 2; i++) {
                            long of = i * 1000L;
                            pointers[i] = sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(of + id));
                        }
                    })
                    .subscribe(seen::add);
            for (int i = 0; i < 100; i++) {
                Calls.n(pointers[i % 2], 1, i);
            }
            Until.that("all", () -> seen.size() == 100);
            assertThat(seen)
                    .containsExactlyElementsOf(LongStream.range(0, 100)
                            .mapToObj(i -> i % 2 * 1000 + i)
                            .toList());
        }

        @Test
        void eightThreadsLoseNothingAndEachKeepsItsOrder() throws Exception {
            int threads = 8;
            int each = 20_000;
            long[] next = new long[threads];
            AtomicInteger outOfOrder = new AtomicInteger();
            AtomicInteger got = new AtomicInteger();
            NativeFlux.<Long>create(
                            options.overflow(Overflow.dropNewest(threads * each)),
                            sink -> pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> {
                                if (next[thread]++ != sequence) {
                                    outOfOrder.incrementAndGet();
                                }
                                sink.next(sequence);
                            })))
                    .subscribe(value -> got.incrementAndGet());
            Calls.fromThreads(pointer.get(), threads, each, 0);
            Until.that("all", () -> got.get() == threads * each);
            assertThat(outOfOrder).hasValue(0);
            assertThat(loop.metrics().droppedCalls()).isZero();
        }

        @Test
        void aSleepingSchedulerIsWokenForEachOfManySingleCalls() throws Exception {
            AtomicInteger got = new AtomicInteger();
            sequences(dropping).subscribe(value -> got.incrementAndGet());
            for (int i = 1; i <= 200; i++) {
                int count = i;
                if (i % 4 == 0) {
                    loop.settle();
                }
                Calls.n(pointer.get(), 1, i);
                Until.that("value " + i, () -> got.get() == count);
            }
        }

        // ---- signal handlers

        private Throwable refusal(CallbackOptions options, ListenerType<?>... types) {
            return catchThrowable(() -> NativeFlux.create(options, sink -> {
                        for (ListenerType<?> type : types) {
                            @SuppressWarnings("unchecked")
                            ListenerType<OnEvent> event = (ListenerType<OnEvent>) type;
                            pointer.set(sink.listener(event, (thread, sequence, id) -> sink.next(sequence)));
                        }
                        sink.complete();
                    })
                    .blockLast(SOON));
        }

        private static final ListenerType<OnEvent> ON_EVENT = ListenerType.of(OnEvent.class);

        @Test
        void aListenerForSignalHandlersIsRefusedWhereItWouldNotBeSafe() {
            if (machineCode == 0) {
                assertThat(refusal(dropping, ON_EVENT.signalSafe()))
                        .isInstanceOf(UnsupportedOperationException.class)
                        .hasMessageContaining("is an upcall here");
            } else {
                assertThat(refusal(dropping, ON_EVENT.signalSafe(), ON_EVENT.signalSafe()))
                        .isNull();
                assertThat(refusal(blocking, ON_EVENT.signalSafe()))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("a signal handler must not wait");
                assertThat(refusal(dropping, ON_EVENT, ON_EVENT.signalSafe()))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("a NativeFlux of its own");
                assertThat(refusal(dropping, ON_EVENT.signalSafe(), ON_EVENT))
                        .isInstanceOf(IllegalStateException.class);
            }
        }

        @Test
        void aListenerForSignalHandlersDropsTheNewestBeyond1024UnlessTheOptionsSayMore() throws Exception {
            if (machineCode == 1) {
                Recorder recorder = new Recorder(0);
                NativeFlux.<Long>create(
                                CallbackOptions.named(name).on(scheduler),
                                sink -> pointer.set(sink.listener(
                                        ON_EVENT.signalSafe(), (thread, sequence, id) -> sink.next(sequence))))
                        .subscribe(recorder);
                call(1030);
                assertThat(loop.metrics().droppedCalls()).isEqualTo(6);
                recorder.cancel();
            }
        }

        // ---- copies

        interface OnMessage {
            void call(MemorySegment topic, MemorySegment payload, int length);
        }

        private static final ListenerType<OnMessage> ON_MESSAGE =
                ListenerType.of(OnMessage.class).copy(0, Copied.text(8)).copy(1, Copied.bytes(2, 16));

        /** A stream of what the handler saw: the topic, and the bytes of the payload. */
        private OnMessage messages(Recorder recorder) {
            NativeFlux.<Long>create(
                            dropping,
                            sink -> pointer.set(sink.listener(ON_MESSAGE, (topic, payload, length) -> {
                                seen.add(topic.address() == 0 ? "NULL" : topic.getString(0));
                                seen.add(
                                        payload.address() == 0
                                                ? "NULL"
                                                : HexFormat.of().formatHex(payload.toArray(JAVA_BYTE)));
                                kept.set(topic);
                                sink.next((long) length);
                            })))
                    .subscribe(recorder);
            return CFunction.at(pointer.get(), OnMessage.class);
        }

        private final List<String> seen = new CopyOnWriteArrayList<>();
        private final AtomicReference<MemorySegment> kept = new AtomicReference<>();

        @Test
        void whatPointersLeadToIsCopiedWhileCCalls() throws Exception {
            Recorder recorder = new Recorder(0);
            OnMessage call = messages(recorder);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment topic = arena.allocateFrom("sea");
                MemorySegment payload = arena.allocateFrom(JAVA_BYTE, (byte) 1, (byte) 2, (byte) 3);
                call.call(topic, payload, 3);
                call.call(topic, payload, 2);
                call.call(topic, payload, 0);
                topic.fill((byte) 'x');
                payload.fill((byte) 9);
            }
            recorder.request(Long.MAX_VALUE);
            Until.that("three values", () -> recorder.values.size() == 3);
            assertThat(seen).containsExactly("sea", "010203", "sea", "0102", "sea", "");
            assertThat(loop.metrics().cutCalls()).isZero();
            recorder.cancel();
        }

        @Test
        void whatIsTooLongIsCutAndCountedAndAHostileLengthIsTheMost() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            OnMessage call = messages(recorder);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment payload = arena.allocate(16);
                call.call(arena.allocateFrom("12345678"), payload, 16);
                call.call(arena.allocateFrom("123456789"), payload, 16);
                call.call(arena.allocateFrom("1"), payload, 17);
                call.call(arena.allocateFrom(""), payload, -1);
            }
            Until.that("four values", () -> recorder.values.size() == 4);
            String most = "00".repeat(16);
            assertThat(seen).containsExactly("12345678", most, "12345678", most, "1", most, "", most);
            assertThat(recorder.values).as("C's own number").containsExactly(16L, 16L, 17L, -1L);
            Until.that("the cuts are counted", () -> loop.metrics().cutCalls() == 3);
            recorder.cancel();
        }

        @Test
        void nullArrivesAsNullWhateverItsLength() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            messages(recorder).call(MemorySegment.NULL, MemorySegment.NULL, 1000);
            Until.that("a value", () -> recorder.values.size() == 1);
            assertThat(seen).containsExactly("NULL", "NULL");
            assertThat(loop.metrics().cutCalls()).isZero();
            recorder.cancel();
        }

        private void assertThatTheKeptCopyIsReadOnlyAndOver() throws Exception {
            assertThat(kept.get().isReadOnly()).isTrue();
            boolean refused = loop.run(() -> {
                try {
                    return kept.get().get(JAVA_BYTE, 0) < 0;
                } catch (IllegalStateException over) {
                    return true;
                }
            });
            assertThat(refused).isTrue();
        }

        @Test
        void aCopyIsReadOnlyAndCannotBeReadAfterItsBatch() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            OnMessage call = messages(recorder);
            try (Arena arena = Arena.ofConfined()) {
                call.call(arena.allocateFrom("sea"), MemorySegment.NULL, 0);
            }
            Until.that("a value", () -> recorder.values.size() == 1);
            loop.settle();
            assertThatTheKeptCopyIsReadOnlyAndOver();
            recorder.cancel();
        }

        interface OnPoint {
            void call(int before, MemorySegment point, double after);
        }

        @Test
        void aStructIsCopiedAndAnotherPointerIsAnAddress() throws Exception {
            StructLayout layout = MemoryLayout.structLayout(JAVA_LONG.withName("x"), JAVA_LONG.withName("y"));
            ListenerType<OnPoint> type = ListenerType.of(OnPoint.class).copy(1, Copied.struct(layout));
            Recorder recorder = new Recorder(0);
            NativeFlux.<Long>create(
                            dropping,
                            sink -> pointer.set(sink.listener(type, (before, point, after) -> {
                                assertThat(point.byteSize()).isEqualTo(16);
                                sink.next(point.get(JAVA_LONG, 0) * 1000
                                        + point.get(JAVA_LONG, 8)
                                        + before
                                        + (long) after);
                            })))
                    .subscribe(recorder);
            OnPoint call = CFunction.at(pointer.get(), OnPoint.class);
            try (Arena arena = Arena.ofConfined()) {
                call.call(1, arena.allocateFrom(JAVA_LONG, 7, 8), 2.0);
            }
            recorder.request(1);
            Until.that("a value", () -> recorder.values.size() == 1);
            assertThat(recorder.values).containsExactly(7011L);
            recorder.cancel();
        }

        @Test
        void noByteIsReadBehindTheNulNorBehindTheBytes() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            OnMessage call = messages(recorder);
            MemorySegment page = GuardedPage.get();
            for (String text : List.of("", "1234567", "12345678", "123456789")) {
                MemorySegment topic = page.asSlice(page.byteSize() - text.length() - 1);
                topic.setString(0, text);
                call.call(topic, page.asSlice(page.byteSize() - 16), 1000);
            }
            call.call(MemorySegment.NULL, page.asSlice(page.byteSize() - 3), 3);
            Until.that("five values", () -> recorder.values.size() == 5);
            assertThat(seen).contains("", "1234567", "12345678");
            recorder.cancel();
        }

        @Test
        void aReleasedPointerIsLate() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            NativeFlux.<Long>create(dropping, sink -> {
                        pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)));
                        sink.release(pointer.get());
                    })
                    .subscribe(recorder);
            call(3);
            loop.settle();
            assertThat(recorder.values).isEmpty();
            assertThat(loop.metrics().lateCalls()).isEqualTo(3);
            recorder.cancel();
        }

        @Test
        void releaseNotifyReleasesListenersToo() throws Exception {
            AtomicReference<MemorySegment> notify = new AtomicReference<>();
            NativeFlux.<Long>create(dropping, sink -> {
                        pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)));
                        notify.set(sink.releaseNotify());
                    })
                    .subscribe();
            Calls.notify(notify.get(), MemorySegment.NULL, true);
            call(3);
            assertThat(loop.metrics().lateCalls()).isEqualTo(3);
        }

        @Test
        void aSilentListenerLetsTheSchedulerSleepAndSoDoesOneWithoutDemand() throws Exception {
            Recorder recorder = new Recorder(0);
            sequences(dropping).subscribe(recorder);
            call(4);
            loop.settle();
            long[] wakeUps = {-1};
            Awaitility.await().during(Duration.ofMillis(2_500)).atMost(SOON).until(() -> {
                long before = wakeUps[0];
                wakeUps[0] = SchedulerMetrics.of(scheduler).wakeUps();
                return before == wakeUps[0] || before < 0;
            });
            recorder.request(Long.MAX_VALUE);
            Until.that("four values", () -> recorder.values.size() == 4);
            recorder.cancel();
        }

        // ---- batches

        private Flux<Long> batches(CallbackOptions options, Consumer<Records> seen) {
            return NativeFlux.create(
                    options,
                    sink -> pointer.set(sink.batches(OnEvent.class, batch -> {
                        seen.accept(batch);
                        for (int i = 0; i < batch.size(); i++) {
                            sink.next(batch.getLong(i, 1));
                        }
                    })));
        }

        @Test
        void aBatchHasTheCallsThatHaveComeInTheirOrderOnTheSchedulersThread() throws Exception {
            List<String> seen = new CopyOnWriteArrayList<>();
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            batches(options.overflow(Overflow.dropNewest(64)), batch -> {
                        seen.add(batch.size() + " on " + Thread.currentThread().getName());
                        assertThat(batch.getInt(3, 0)).isZero();
                        assertThat(batch.getLong(3, 2)).isEqualTo(7);
                    })
                    .subscribe(recorder);
            Runnable free = loop.hold();
            call(5);
            free.run();
            Until.that("five values", () -> recorder.values.size() == 5);
            assertThat(recorder.values).containsExactly(0L, 1L, 2L, 3L, 4L);
            assertThat(seen).containsExactly("5 on " + name);
            recorder.cancel();
            loop.settle();
            assertThat(loop.metrics().handledCalls()).isEqualTo(5);
        }

        @Test
        void aBatchIsAQuarterOfTheRingAtMostAnd256() throws Exception {
            for (int capacity : new int[] {4, 8, 2048}) {
                List<Integer> sizes = new CopyOnWriteArrayList<>();
                Recorder recorder = new Recorder(Long.MAX_VALUE);
                batches(options.overflow(Overflow.dropNewest(capacity)), batch -> sizes.add(batch.size()))
                        .subscribe(recorder);
                Runnable free = loop.hold();
                call(capacity);
                free.run();
                Until.that("all values", () -> recorder.values.size() == capacity);
                assertThat(sizes).containsOnly(Math.min(256, capacity / 4));
                recorder.cancel();
                loop.settle();
            }
        }

        @Test
        void aBatchReadsEachType() throws Exception {
            List<Object> seen = new CopyOnWriteArrayList<>();
            NativeFlux.<Long>create(
                            dropping,
                            sink -> pointer.set(sink.batches(
                                    ListenerType.of(OnMixed.class).answering(2.5, 0, 0),
                                    batch -> seen.addAll(List.of(
                                            batch.getByte(0, 0),
                                            batch.getDouble(0, 1),
                                            batch.getShort(0, 2),
                                            batch.getFloat(0, 3),
                                            batch.getInt(0, 4),
                                            batch.getLong(0, 6),
                                            batch.getChar(0, 8),
                                            batch.getBoolean(0, 10),
                                            batch.getSegment(0, 12),
                                            batch.getDouble(0, 17))))))
                    .subscribe();
            Values.checkMixed(pointer.get(), true);
            Until.that("a call", () -> seen.size() == 10);
            assertThat(seen)
                    .containsExactly(
                            (byte) -1,
                            2.5,
                            (short) -3,
                            4.25f,
                            -5,
                            -7L,
                            (char) 60009,
                            true,
                            MemorySegment.ofAddress(13),
                            18.125);
        }

        @Test
        void aCallOfAnotherPointerEndsABatch() throws Exception {
            List<Long> seen = new CopyOnWriteArrayList<>();
            MemorySegment[] pointers = new MemorySegment[3];
            NativeFlux.<Long>create(options.overflow(Overflow.dropNewest(64)), sink -> {
                        for (int i = 0; i < 2; i++) {
                            long of = i * 1000L;
                            pointers[i] = sink.batches(
                                    OnEvent.class, batch -> sink.next(of + batch.size() * 100L + batch.getLong(0, 2)));
                        }
                        pointers[2] = sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(2000 + id));
                    })
                    .subscribe(seen::add);
            Runnable free = loop.hold();
            Calls.n(pointers[0], 3, 1);
            Calls.n(pointers[1], 2, 2);
            Calls.n(pointers[2], 2, 3);
            Calls.n(pointers[0], 1, 4);
            free.run();
            Until.that("all", () -> seen.size() == 5);
            assertThat(seen).containsExactly(301L, 1202L, 2003L, 2003L, 104L);
        }

        @Test
        void aBatchReadsWhatWasCopiedUntilItsHandlerReturns() throws Exception {
            Recorder recorder = new Recorder(0);
            NativeFlux.<Long>create(
                            options.overflow(Overflow.dropNewest(64)),
                            sink -> pointer.set(sink.batches(ON_MESSAGE, batch -> {
                                for (int i = 0; i < batch.size(); i++) {
                                    MemorySegment topic = batch.getSegment(i, 0);
                                    seen.add(topic.address() == 0 ? "NULL" : topic.getString(0));
                                    seen.add(HexFormat.of()
                                            .formatHex(batch.getSegment(i, 1).toArray(JAVA_BYTE)));
                                    kept.set(batch.getSegment(i, 1));
                                }
                                sink.next((long) batch.size());
                            })))
                    .subscribe(recorder);
            OnMessage call = CFunction.at(pointer.get(), OnMessage.class);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment payload = arena.allocateFrom(JAVA_BYTE, (byte) 1, (byte) 2, (byte) 3);
                call.call(arena.allocateFrom("sea"), payload, 3);
                call.call(MemorySegment.NULL, payload, 1);
                call.call(arena.allocateFrom("a long topic"), payload, 2);
                payload.fill((byte) 9);
            }
            recorder.request(Long.MAX_VALUE);
            Until.that("a batch", () -> recorder.values.size() == 1);
            assertThat(recorder.values).containsExactly(3L);
            assertThat(seen).containsExactly("sea", "010203", "NULL", "01", "a long t", "0102");
            loop.settle();
            assertThat(loop.metrics().cutCalls()).isEqualTo(1);
            assertThatTheKeptCopyIsReadOnlyAndOver();
            recorder.cancel();
        }

        @Test
        void aHandlerOfBatchesRunsOnlyWhileTheSubscriberWantsAValueAndNoneIsQueued() throws Exception {
            AtomicInteger batches = new AtomicInteger();
            Recorder recorder = new Recorder(0);
            batches(dropping, batch -> batches.incrementAndGet()).subscribe(recorder);
            call(6);
            loop.settle();
            assertThat(batches).hasValue(0);
            recorder.request(1);
            Until.that("a value", () -> recorder.values.size() == 1);
            loop.settle();
            assertThat(batches).hasValue(1);
            recorder.request(1); // what the first batch has handed over too much
            Until.that("two values", () -> recorder.values.size() == 2);
            loop.settle();
            assertThat(batches).hasValue(1);
            recorder.request(Long.MAX_VALUE);
            Until.that("six values", () -> recorder.values.size() == 6);
            assertThat(recorder.values).containsExactly(0L, 1L, 2L, 3L, 4L, 5L);
            recorder.cancel();
        }

        @Test
        void aHandlerOfBatchesThatThrowsHasHandledItsBatchAndThoseBehindAreRefused() throws Exception {
            Recorder recorder = new Recorder(0);
            NativeFlux.<Long>create(
                            dropping,
                            sink -> pointer.set(sink.batches(OnEvent.class, batch -> {
                                sink.next(batch.getLong(0, 1));
                                if (batch.getLong(0, 1) == 2) {
                                    throw new IllegalStateException("second");
                                }
                            })))
                    .subscribe(recorder);
            call(7);
            recorder.request(Long.MAX_VALUE);
            assertThat(recorder.error()).hasMessage("second");
            assertThat(recorder.values).containsExactly(0L, 2L);
            assertThat(loop.metrics().failedCalls()).isEqualTo(1);
            assertThat(loop.metrics().handledCalls()).isEqualTo(4);
            assertThat(loop.metrics().refusedCalls()).isEqualTo(3);
        }

        @Test
        void completeInAHandlerOfBatchesLeavesTheBatchesBehindIt() throws Exception {
            Recorder recorder = new Recorder(0);
            NativeFlux.<Long>create(
                            dropping,
                            sink -> pointer.set(sink.batches(OnEvent.class, batch -> {
                                sink.next(batch.getLong(0, 1));
                                sink.complete();
                                assertThat(sink.next(batch.getLong(1, 1))).isFalse();
                            })))
                    .subscribe(recorder);
            call(7);
            recorder.request(Long.MAX_VALUE);
            assertThat(recorder.end()).startsWith("onComplete");
            assertThat(recorder.values).containsExactly(0L);
            assertThat(loop.metrics().refusedCalls()).isEqualTo(5);
        }

        @Test
        void completeElsewhereComesAfterTheBatchesThatWereTaken() throws Exception {
            Recorder recorder = new Recorder(0);
            AtomicReference<NativeSink<Long>> sink = new AtomicReference<>();
            NativeFlux.<Long>create(dropping, given -> {
                        sink.set(given);
                        pointer.set(given.batches(OnEvent.class, batch -> {
                            for (int i = 0; i < batch.size(); i++) {
                                given.next(batch.getLong(i, 1));
                            }
                        }));
                    })
                    .subscribe(recorder);
            call(7);
            sink.get().complete();
            call(1);
            recorder.request(1);
            Until.that("a value", () -> recorder.values.size() == 1);
            recorder.request(Long.MAX_VALUE);
            assertThat(recorder.end()).startsWith("onComplete");
            assertThat(recorder.values).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L);
            assertThat(loop.metrics().lateCalls()).isEqualTo(1);
        }

        @Test
        void aSubscriberThatCancelsInABatchGetsNoMoreAndAllCallsAreCounted() throws Exception {
            List<Long> values = new CopyOnWriteArrayList<>();
            CountDownLatch cancelled = new CountDownLatch(1);
            batches(dropping, batch -> {})
                    .take(3)
                    .doFinally(signal -> cancelled.countDown())
                    .subscribe(values::add);
            Runnable free = loop.hold();
            call(7);
            free.run();
            awaitLatch(cancelled);
            loop.settle();
            assertThat(values).containsExactly(0L, 1L, 2L);
            assertThat(loop.metrics().handledCalls()).isEqualTo(4);
            assertThat(loop.metrics().refusedCalls()).isEqualTo(3);
        }

        @Test
        void recordsOfABatchAreReadByTheirTypesInsideOfTheHandlerOnly() throws Exception {
            AtomicReference<Records> kept = new AtomicReference<>();
            List<Throwable> refused = new CopyOnWriteArrayList<>();
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            batches(options.overflow(Overflow.dropNewest(64)), batch -> {
                        kept.set(batch);
                        for (ThrowingCallable use : List.<ThrowingCallable>of(
                                () -> batch.getLong(5, 1),
                                () -> batch.getLong(-1, 1),
                                () -> batch.getLong(0, 3),
                                () -> batch.getInt(0, 1))) {
                            refused.add(catchThrowable(use));
                        }
                    })
                    .subscribe(recorder);
            Runnable free = loop.hold();
            call(5);
            free.run();
            Until.that("five values", () -> recorder.values.size() == 5);
            loop.settle();
            assertThat(refused.get(0))
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessageContaining("record 5 of a batch of 5");
            assertThat(refused.get(1)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThat(refused.get(2)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThat(refused.get(3))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageEndingWith("OnEvent.onEvent is long, and not int: use getLong");
            assertThat(kept.get().size()).isZero();
            assertThatThrownBy(() -> kept.get().getLong(0, 1))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("is over");
            recorder.cancel();
        }

        @Test
        void eightThreadsLoseNothingInBatchesAndEachKeepsItsOrder() throws Exception {
            int threads = 8;
            int each = 10_000;
            long[] next = new long[threads];
            AtomicInteger outOfOrder = new AtomicInteger();
            AtomicInteger got = new AtomicInteger();
            NativeFlux.<Long>create(
                            options.overflow(Overflow.dropNewest(threads * each)),
                            sink -> pointer.set(sink.batches(OnEvent.class, batch -> {
                                for (int i = 0; i < batch.size(); i++) {
                                    if (next[batch.getInt(i, 0)]++ != batch.getLong(i, 1)) {
                                        outOfOrder.incrementAndGet();
                                    }
                                }
                                got.addAndGet(batch.size());
                            })))
                    .subscribe();
            Calls.fromThreads(pointer.get(), threads, each, 0);
            Until.that("all", () -> got.get() == threads * each);
            assertThat(outOfOrder).hasValue(0);
            assertThat(loop.metrics().handledCalls()).isEqualTo((long) threads * each);
        }

        @Test
        void aBatchAllocatesNothing() {
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            int calls = 4096;
            AtomicInteger got = new AtomicInteger();
            AtomicLong sum = new AtomicLong();
            AtomicLong begun = new AtomicLong();
            AtomicLong allocated = new AtomicLong();
            NativeFlux.<Long>create(
                            options.overflow(Overflow.dropNewest(calls)),
                            sink -> pointer.set(sink.batches(OnEvent.class, batch -> {
                                long bytes = threads.getCurrentThreadAllocatedBytes();
                                if (batch.getLong(0, 1) == 0) {
                                    begun.setPlain(bytes);
                                }
                                long here = 0;
                                for (int i = 0; i < batch.size(); i++) {
                                    here += batch.getLong(i, 1) + batch.getInt(i, 0);
                                }
                                sum.setPlain(here);
                                allocated.setPlain(bytes - begun.getPlain());
                                got.addAndGet(batch.size());
                            })))
                    .subscribe();
            Until.that("a round of " + calls + " calls that allocates not one byte", () -> {
                got.set(0);
                Runnable free = loop.hold();
                call(calls);
                free.run();
                Until.that("all calls", () -> got.get() == calls);
                return allocated.get() == 0;
            });
        }

        @Test
        void refusesOverflowsThatNeedALock() {
            for (Overflow overflow : List.of(Overflow.dropOldest(8), Overflow.latest(), Overflow.unbounded())) {
                StepVerifier.create(sequences(options.overflow(overflow)))
                        .expectErrorSatisfies(refused -> assertThat(refused)
                                .isInstanceOf(IllegalArgumentException.class)
                                .hasMessageContaining(overflow.toString())
                                .hasMessageContaining("block")
                                .hasMessageContaining("dropNewest")
                                .hasMessageContaining("error"))
                        .verify(SOON);
            }
        }

        @Test
        void refusesAListenerWhoseRecordsAreLargerThanTheFirst() {
            StepVerifier.create(NativeFlux.<Long>create(dropping, sink -> {
                        sink.listener(OnReading.class, (sequence, value, data) -> {});
                        sink.listener(
                                ListenerType.of(OnMixed.class).answering(0, 0, 0),
                                (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r) -> 0);
                    }))
                    .expectErrorMatches(refused -> refused.getMessage().contains("make this listener first"))
                    .verify(SOON);
        }

        @Test
        void refusesSharedStreamsAndStreamsOfQuestions() {
            StepVerifier.create(NativeFlux.<Long>share(dropping, sink -> sink.batches(OnReading.class, batch -> {})))
                    .expectErrorMatches(refused -> refused.getMessage().contains("a shared stream has no listeners"))
                    .verify(SOON);
            StepVerifier.create(NativeFlux.<Long, Long>exchange(
                            dropping, sink -> sink.batches(OnReading.class, batch -> {})))
                    .expectErrorMatches(
                            refused -> refused.getMessage().contains("a stream of questions has no listeners"))
                    .verify(SOON);
            StepVerifier.create(NativeFlux.<Long>share(
                            dropping, sink -> sink.listener(OnReading.class, (sequence, value, data) -> {})))
                    .expectErrorMatches(refused -> refused.getMessage().contains("a shared stream has no listeners"))
                    .verify(SOON);
            StepVerifier.create(NativeFlux.<Long, Long>exchange(
                            dropping, sink -> sink.listener(OnReading.class, (sequence, value, data) -> {})))
                    .expectErrorMatches(
                            refused -> refused.getMessage().contains("a stream of questions has no listeners"))
                    .verify(SOON);
        }

        @Test
        void refusesAfterTheEnd() throws Exception {
            AtomicReference<NativeSink<Long>> sink = new AtomicReference<>();
            NativeFlux.<Long>create(dropping, sink::set).subscribe().dispose();
            loop.settle();
            assertThatThrownBy(() -> sink.get().listener(OnReading.class, (sequence, value, data) -> {}))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("has ended");
        }

        @Test
        void aStreamThatIsCancelledWhileItRegistersCountsItsCallsAsLate() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            NativeFlux.<Long>create(dropping, sink -> {
                        recorder.cancel();
                        pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)));
                        call(2);
                    })
                    .subscribe(recorder);
            loop.settle();
            assertThat(loop.metrics().lateCalls()).isEqualTo(2);
        }
    }

    @Nested
    class Types {

        @Test
        void aResultNeedsItsConstants() {
            assertThatThrownBy(() -> NativeFlux.create(
                                    CallbackOptions.defaults().overflow(Overflow.dropNewest(8)),
                                    sink -> sink.listener(OnAsk.class, (thread, sequence, id) -> 0))
                            .blockLast(TestScheduler.SOON))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("answering(taken, full, late)");
        }

        @Test
        void constantsMustFit() {
            assertThatThrownBy(() -> ListenerType.of(EchoBoolean.class).answering(0, 2, 0))
                    .hasMessageContaining("which cannot be 2");
            assertThatThrownBy(() -> ListenerType.of(OnReading.class).answering(0, 0, 0))
                    .hasMessageContaining("has no result");
            assertThatThrownBy(() -> ListenerType.of(OnAsk.class).answering(0.5, 0, 0))
                    .hasMessageContaining("answer whole numbers");
        }

        @Test
        void copiesAreOfPointersAndTheirLengthsAreWholeNumbers() {
            ListenerType<OnReading> type = ListenerType.of(OnReading.class); // (long, double, pointer)
            assertThatThrownBy(() -> type.copy(0, Copied.text(8))).hasMessageContaining("is no pointer");
            assertThatThrownBy(() -> type.copy(3, Copied.text(8))).hasMessageContaining("has no parameter 3");
            assertThatThrownBy(() -> type.copy(2, Copied.bytes(1, 8))).hasMessageContaining("is no whole number");
            assertThatThrownBy(() -> type.copy(2, Copied.bytes(5, 8))).hasMessageContaining("has no parameter 5");
        }

        @Test
        void structsByValueAndVariadicTypesAreRefused() {
            assertThatThrownBy(() -> ListenerType.of(CallbackType.of(OnEventPair.class)
                            .descriptor(Structs.ON_EVENT_PAIR)
                            .lookup(MethodHandles.lookup())))
                    .hasMessageContaining("struct or union by value");
            assertThatThrownBy(() ->
                            ListenerType.of(CallbackType.of(OnReading.class).variadic(1)))
                    .hasMessageContaining("variadic");
        }
    }

    @AfterEach
    void noHooksAreLeft() {
        Hooks.resetOnErrorDropped();
    }
}
