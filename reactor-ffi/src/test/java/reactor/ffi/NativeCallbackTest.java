package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestCallbacks.FALLBACK;
import static reactor.ffi.fixture.TestCallbacks.askOnce;
import static reactor.ffi.fixture.TestCallbacks.start;
import static reactor.ffi.fixture.TestScheduler.get;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Hooks;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.fixture.Callbacks.EchoBoolean;
import reactor.ffi.fixture.Callbacks.EchoByte;
import reactor.ffi.fixture.Callbacks.EchoChar;
import reactor.ffi.fixture.Callbacks.EchoDouble;
import reactor.ffi.fixture.Callbacks.EchoFloat;
import reactor.ffi.fixture.Callbacks.EchoInt;
import reactor.ffi.fixture.Callbacks.EchoLong;
import reactor.ffi.fixture.Callbacks.EchoSegment;
import reactor.ffi.fixture.Callbacks.EchoShort;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnMixed;
import reactor.ffi.fixture.Callbacks.OnStructs;
import reactor.ffi.fixture.Callbacks.OnText;
import reactor.ffi.fixture.Callbacks.Recurse;
import reactor.ffi.fixture.Callbacks.ReturnText;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.CapturedLog;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.Memory;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.TestCallbacks;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.fixture.Values;
import reactor.ffi.internal.loop.TurnCall;

/** The statements on the answered callback, one by one. Who calls is always a real native thread, or says so. */
@Timeout(60)
class NativeCallbackTest {

    @RegisterExtension
    final TestScheduler a = new TestScheduler("A");

    @RegisterExtension
    final TestScheduler b = new TestScheduler("B");

    private final TestCallbacks onA = new TestCallbacks(a);
    private final TestCallbacks onB = new TestCallbacks(b);

    @Nested
    class AsACFunctionPointer {

        @Test
        void anyThreadMayCallItAtAnyTime() throws Exception {
            NativeCallback<EchoLong> echo = onA.threadSafe(EchoLong.class, value -> value + 1);
            assertThat(Values.askLong(echo.pointer(), 1, false))
                    .as("a Java thread")
                    .isEqualTo(2);
            assertThat(Values.askLong(echo.pointer(), 2, true))
                    .as("a native thread")
                    .isEqualTo(3);
            assertThat(a.run(() -> Values.askLong(echo.pointer(), 3, false)))
                    .as("its scheduler's thread")
                    .isEqualTo(4);
            assertThat(b.run(() -> Values.askLong(echo.pointer(), 4, false)))
                    .as("another scheduler's thread")
                    .isEqualTo(5);
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void everyCTypeComesAndGoesUnchanged(boolean nativeThread) throws Exception {
            Callable<Integer> checks = () -> Values.checkByte(pointer(EchoByte.class, v -> v), nativeThread)
                    + Values.checkShort(pointer(EchoShort.class, v -> v), nativeThread)
                    + Values.checkChar(pointer(EchoChar.class, v -> v), nativeThread)
                    + Values.checkInt(pointer(EchoInt.class, v -> v), nativeThread)
                    + Values.checkLong(pointer(EchoLong.class, v -> v), nativeThread)
                    + Values.checkFloat(pointer(EchoFloat.class, v -> v), nativeThread)
                    + Values.checkDouble(pointer(EchoDouble.class, v -> v), nativeThread)
                    + Values.checkBoolean(pointer(EchoBoolean.class, v -> v), nativeThread)
                    + Values.checkPointer(pointer(EchoSegment.class, v -> v), nativeThread);
            assertThat(nativeThread ? checks.call() : a.run(checks)).isZero();
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void eighteenParametersOfEveryWidthArrive(boolean nativeThread) throws Exception {
            NativeCallback<OnMixed> mixed = onA.threadSafe(OnMixed.class, Values::weigh);
            Callable<Integer> check = () -> Values.checkMixed(mixed.pointer(), nativeThread);
            assertThat(nativeThread ? check.call() : a.run(check)).isZero();
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void structsComeAndGoByValue(boolean nativeThread) throws Exception {
            Callable<Integer> checks = () -> Values.checkSmall(struct(Structs.ECHO_SMALL), nativeThread)
                    + Values.checkLarge(struct(Structs.ECHO_LARGE), nativeThread)
                    + Values.checkLine(struct(Structs.ECHO_LINE), nativeThread)
                    + Values.checkShape(struct(Structs.ECHO_SHAPE), nativeThread);
            assertThat(nativeThread ? checks.call() : a.run(checks)).isZero();
        }

        @Test
        void nativeCodeReadsTheMemoryThatAnAnswerPointsTo() {
            try (Arena arena = Arena.ofShared()) {
                MemorySegment text = arena.allocateFrom("forty-two");
                MemorySegment copy = arena.allocate(32);
                NativeCallback<ReturnText> answers = onA.threadSafe(ReturnText.class, index -> text);
                assertThat(Memory.readText(answers.pointer(), 0, copy, 32, true))
                        .isEqualTo(9);
                assertThat(copy.getString(0)).isEqualTo("forty-two");
            }
        }

        private <F> MemorySegment pointer(Class<F> type, F handler) {
            return onA.threadSafe(type, handler).pointer();
        }

        /** Answers with memory that is its own, confined to the scheduler's thread, and freed before native code reads. */
        private MemorySegment struct(FunctionDescriptor descriptor) {
            EchoSegment echo = value -> {
                Arena confined = Arena.ofConfined();
                MemorySegment answer = confined.allocate(value.byteSize(), 8).copyFrom(value);
                a.scheduler.schedule(confined::close);
                return answer;
            };
            return onA.closing(NativeCallback.threadSafe(
                            onA.options(), CallbackType.of(EchoSegment.class).descriptor(descriptor), echo, null))
                    .pointer();
        }
    }

    @Nested
    class BelongsToItsScheduler {

        private final List<Thread> ranOn = new CopyOnWriteArrayList<>();

        @Test
        void madeOnAAndCalledByANativeThreadThatBStarted() throws Exception {
            NativeCallback<OnAsk> callback = a.run(() -> onA.asking(onA.options(), this::answer));
            try (Source source =
                    b.run(() -> Source.asking(callback.pointer(), 3, FALLBACK).start(1, 50, 0))) {
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(50);
            }
            assertThat(ranOn).hasSize(50).containsOnly(a.scheduler.thread());
        }

        @Test
        void madeOnBAndCalledFromAsThread() throws Exception {
            NativeCallback<EchoLong> callback = b.run(() -> onB.threadSafe(EchoLong.class, value -> {
                ranOn.add(Thread.currentThread());
                return value + 1;
            }));
            assertThat(a.run(() -> Values.askLong(callback.pointer(), 1, false)))
                    .isEqualTo(2);
            assertThat(ranOn).containsOnly(b.scheduler.thread());
        }

        @Test
        void thePointerTravelsAsANumber() {
            NativeCallback<EchoLong> callback = onA.threadSafe(EchoLong.class, value -> {
                ranOn.add(Thread.currentThread());
                return value + 1;
            });
            long number = callback.pointer().address();
            assertThat(Values.askLong(MemorySegment.ofAddress(number), 1, true)).isEqualTo(2);
            assertThat(ranOn).containsOnly(a.scheduler.thread());
        }

        @Test
        void onceMadeThePointerIsTheSameOne() {
            NativeCallback<EchoLong> callback = onA.threadSafe(EchoLong.class, value -> value);
            assertThat(callback.pointer()).isEqualTo(callback.pointer());
        }

        private long answer(int thread, long sequence, long id) {
            ranOn.add(Thread.currentThread());
            return sequence + id;
        }
    }

    @Nested
    class OnItsSchedulersOwnThread {

        @Test
        void theHandlerRunsAtOnceOnThatStack() throws Exception {
            List<String> order = new CopyOnWriteArrayList<>();
            AtomicReference<StackTraceElement[]> stack = new AtomicReference<>();
            NativeCallback<OnEvent> callback = onA.threadSafe(OnEvent.class, (thread, sequence, id) -> {
                stack.set(Thread.currentThread().getStackTrace());
                order.add("handler " + a.scheduler.isOwnTurn());
            });
            a.run(() -> {
                order.add("before");
                Calls.n(callback.pointer(), 1, 0);
                order.add("after");
                return null;
            });
            assertThat(order).containsExactly("before", "handler true", "after");
            assertThat(stack.get())
                    .anyMatch(frame -> frame.getMethodName().equals("theHandlerRunsAtOnceOnThatStack")
                            || frame.getClassName().equals(Calls.class.getName()));
        }

        @Test
        void nestedAsDeepAsNativeCodeNestsIt() throws Exception {
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            NativeCallback<Recurse> callback =
                    onA.threadSafe(Recurse.class, level -> Calls.recurse(pointer.get(), level - 1));
            pointer.set(callback.pointer());
            assertThat(a.run(() -> Calls.recurse(callback.pointer(), 50))).isEqualTo(50);
        }

        @Test
        void aNativeThreadNestsThroughTheScheduler() {
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            NativeCallback<Recurse> callback =
                    onA.threadSafe(Recurse.class, level -> Calls.recurse(pointer.get(), level - 1));
            pointer.set(callback.pointer());
            assertThat(Calls.recurseOnThread(callback.pointer(), 50)).isEqualTo(50);
        }

        @Test
        void anExceptionGoesToTheSchedulersErrorHandlerAndNativeCodeGetsTheFallback() throws Exception {
            List<String> errors = new CopyOnWriteArrayList<>();
            Schedulers.onHandleError(
                    "test", (thread, error) -> errors.add(thread.getName() + ": " + error.getMessage()));
            try (CapturedLog log = new CapturedLog()) {
                NativeCallback<EchoLong> callback = onA.closing(NativeCallback.threadSafe(
                        CallbackOptions.defaults().on(a.scheduler),
                        CallbackType.of(EchoLong.class),
                        value -> {
                            throw new IllegalStateException("thrown");
                        },
                        value -> FALLBACK));
                assertThat(a.run(() -> Values.askLong(callback.pointer(), 1, false)))
                        .isEqualTo(FALLBACK);
                assertThat(errors).as("own thread").containsExactly(a.name + ": thrown");
                assertThat(Values.askLong(callback.pointer(), 1, true)).isEqualTo(FALLBACK);
                assertThat(errors).as("handed over").containsExactly(a.name + ": thrown", a.name + ": thrown");
                assertThat(log.count("IllegalStateException: thrown")).isEqualTo(2);
            } finally {
                Schedulers.resetOnHandleError("test");
            }
        }

        @Test
        void theErrorHandlerOfTheOptionsGetsItOnTheThreadThatRanTheHandler() throws Exception {
            List<String> errors = new CopyOnWriteArrayList<>();
            CallbackOptions options =
                    onA.options().onError(e -> errors.add(Thread.currentThread().getName() + ": " + e.getMessage()));
            NativeCallback<OnAsk> callback = onA.asking(options, (thread, sequence, id) -> {
                throw new StackOverflowError("thrown " + sequence);
            });
            try (Source source = Source.asking(callback.pointer(), 0, FALLBACK).start(1, 3, 0)) {
                source.await();
                assertThat(source.fallbackAnswers()).isEqualTo(3);
            }
            assertThat(errors).containsExactly(a.name + ": thrown 0", a.name + ": thrown 1", a.name + ": thrown 2");
            assertThat(CallbackMetrics.of(options.name()).failedCalls()).isEqualTo(3);
        }

        @Test
        void theErrorHandlerGetsWhatAFallbackThrowsToo() throws Exception {
            List<Throwable> errors = new CopyOnWriteArrayList<>();
            RuntimeException handlers = new IllegalStateException("the handler's");
            RuntimeException fallbacks = new IllegalStateException("the fallback's");
            NativeCallback<EchoLong> callback = NativeCallback.threadSafe(
                    onA.options().onError(errors::add),
                    CallbackType.of(EchoLong.class),
                    value -> {
                        throw handlers;
                    },
                    value -> {
                        throw fallbacks;
                    });
            assertThat(askOnce(callback.pointer())).isZero();
            assertThat(errors).containsExactly(handlers, fallbacks);
            callback.close();
            callback.closed().block(Duration.ofSeconds(10));
            assertThat(askOnce(callback.pointer())).isZero();
            assertThat(errors).containsExactly(handlers, fallbacks, fallbacks);
        }

        @Test
        void anErrorHandlerThatThrowsHarmsNobody() throws Exception {
            try (CapturedLog log = new CapturedLog()) {
                CallbackOptions options = onA.options().onError(e -> {
                    throw new IllegalStateException("the handler's own", e);
                });
                NativeCallback<OnAsk> callback = onA.asking(options, (thread, sequence, id) -> {
                    throw new IllegalStateException("thrown");
                });
                try (Source source =
                        Source.asking(callback.pointer(), 0, FALLBACK).start(1, 1, 0)) {
                    source.await();
                    assertThat(source.fallbackAnswers()).isEqualTo(1);
                }
                assertThat(log.text()).contains("the handler's own", "thrown");
            }
            assertThat(a.run(() -> 1)).isEqualTo(1);
        }

        @Test
        void aResultThatCCannotTakeIsAnErrorToo() {
            List<Throwable> errors = new CopyOnWriteArrayList<>();
            NativeCallback<ReturnText> callback = onA.closing(NativeCallback.threadSafe(
                    onA.options().onError(errors::add),
                    CallbackType.of(ReturnText.class),
                    index -> MemorySegment.ofArray(new byte[4]),
                    null));
            assertThat(Memory.readText(callback.pointer(), 0, MemorySegment.NULL, 0, true))
                    .isEqualTo(-1);
            assertThat(errors).singleElement().asString().contains("heap segment");
        }
    }

    @Nested
    class OnAnyOtherThread {

        @Test
        void theCallerWaitsUntilItsCallHasBeenHandledAndGetsTheAnswer() {
            AtomicInteger inside = new AtomicInteger();
            AtomicInteger overlaps = new AtomicInteger();
            NativeCallback<OnAsk> callback = onA.asking(onA.options(), (thread, sequence, id) -> {
                if (inside.incrementAndGet() != 1 || !a.scheduler.isOwnTurn()) {
                    overlaps.incrementAndGet();
                }
                inside.decrementAndGet();
                return sequence + id;
            });
            try (Source source = Source.asking(callback.pointer(), 11, FALLBACK).start(4, 5_000, 0)) {
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(20_000);
                assertThat(source.wrongAnswers() + source.fallbackAnswers()).isZero();
            }
            assertThat(overlaps).hasValue(0);
        }

        @Test
        void pointerArgumentsStayValidAndScopedWhileTheHandlerRuns() throws Exception {
            AtomicReference<MemorySegment> kept = new AtomicReference<>();
            AtomicReference<String> read = new AtomicReference<>();
            NativeCallback<OnText> callback = onA.threadSafe(OnText.class, (text, length) -> {
                read.set(Thread.currentThread().getName() + " " + text.getString(0));
                kept.set(text);
            });
            try (Arena arena = Arena.ofShared()) {
                Memory.text(callback.pointer(), arena.allocateFrom("native memory"), true);
            }
            assertThat(read).hasValue(a.name + " native memory");
            assertThat(kept.get().scope().isAlive()).isFalse();
            assertThatThrownBy(() -> kept.get().get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(WrongThreadException.class);
            assertThat(a.run(() -> catchThrowable(() -> kept.get().get(ValueLayout.JAVA_BYTE, 0))))
                    .isInstanceOf(IllegalStateException.class);
        }

        @Test
        void structArgumentsStayValidAndScopedWhileTheHandlerRuns() {
            List<MemorySegment> kept = new CopyOnWriteArrayList<>();
            List<Object> read = new CopyOnWriteArrayList<>();
            OnStructs handler = (small, large, number) -> {
                read.add(small.get(ValueLayout.JAVA_INT, Structs.offset(Structs.SMALL, "kind")));
                read.add(large.getString(Structs.offset(Structs.LARGE, "name")));
                read.add(number);
                kept.add(small);
                kept.add(large);
            };
            NativeCallback<OnStructs> callback = onA.closing(NativeCallback.threadSafe(
                    onA.options(), CallbackType.of(OnStructs.class).descriptor(Structs.ON_STRUCTS), handler, null));
            Values.structs(callback.pointer(), true);
            assertThat(read).containsExactly(-7, "two", 99);
            assertThat(kept).hasSize(2).noneMatch(segment -> segment.scope().isAlive());
        }

        @Test
        void aWaitIsDeafToInterruptsOfTheCaller() throws Exception {
            AtomicReference<Thread> caller = new AtomicReference<>();
            NativeCallback<EchoLong> inner = onA.threadSafe(EchoLong.class, value -> value + 1);
            NativeCallback<EchoLong> direct = onA.closing(NativeCallback.direct(EchoLong.class, value -> {
                caller.set(Thread.currentThread());
                return Values.askLong(inner.pointer(), value, false);
            }));
            Runnable free = a.hold();
            FutureTask<Void> calls = start(
                    () -> assertThat(Values.askLong(direct.pointer(), 1, true)).isEqualTo(2));
            await().until(() -> caller.get() != null && caller.get().getState() == Thread.State.TIMED_WAITING);
            caller.get().interrupt();
            free.run();
            get(calls);
        }
    }

    @Nested
    class RefAndUnref {

        private final NativeCallback<OnEvent> callback =
                onA.closing(NativeCallback.synchronous(a.scheduler, OnEvent.class, (thread, sequence, id) -> {}));

        @Test
        void threadSafeEqualsSynchronousPlusOneRef() {
            assertThat(callback.refCount()).isZero();
            assertThat(onA.threadSafe(OnEvent.class, (thread, sequence, id) -> {})
                            .refCount())
                    .isEqualTo(1);
        }

        @Test
        void theyReturnTheNewCount() {
            assertThat(List.of(callback.ref(), callback.ref(), callback.unref(), callback.ref(), callback.refCount()))
                    .containsExactly(1, 2, 1, 2, 2);
        }

        @Test
        void theyFloorAtZero() {
            assertThat(List.of(callback.unref(), callback.unref(), callback.ref(), callback.unref(), callback.unref()))
                    .containsExactly(0, 0, 1, 0, 0);
        }

        @Test
        void afterCloseTheySaySoInAnException() {
            callback.ref();
            callback.close();
            assertThatThrownBy(callback::ref)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("after its close");
            assertThatThrownBy(callback::unref)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("after its close");
            assertThat(callback.refCount()).isZero();
        }

        @Test
        void aDirectCallbackHasNone() {
            NativeCallback<OnEvent> direct =
                    onA.closing(NativeCallback.direct(OnEvent.class, (thread, sequence, id) -> {}));
            assertThatThrownBy(direct::ref)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("direct");
            assertThat(direct.refCount()).isZero();
        }
    }

    @Nested
    class KeepingTheJvmAlive {

        @Test
        void atZeroCallsStillWakeTheSchedulerAndAreAnswered() throws Exception {
            NativeCallback<EchoLong> callback = onA.threadSafe(EchoLong.class, value -> value + 1);
            assertThat(callback.unref()).isZero();
            a.awaitParked();
            assertThat(askOnce(callback.pointer())).isEqualTo(6);
        }
    }

    @Nested
    class Synchronous {

        private final AtomicInteger handled = new AtomicInteger();
        private final NativeCallback<EchoLong> callback =
                onA.closing(NativeCallback.synchronous(a.scheduler, EchoLong.class, value -> {
                    handled.incrementAndGet();
                    return value + 1;
                }));

        @Test
        void neverRefdItDoesNotWakeAParkedSchedulerAndIsHandledAtItsNextTurn() throws Exception {
            a.awaitParked();
            FutureTask<Void> call =
                    start(() -> assertThat(askOnce(callback.pointer())).isEqualTo(6));
            await().during(Duration.ofMillis(200)).until(() -> handled.get() == 0);
            assertThat(a.scheduler.thread().getState()).isEqualTo(Thread.State.WAITING);
            a.scheduler.schedule(() -> {});
            get(call);
            assertThat(handled).hasValue(1);
        }

        @Test
        void withoutATurnItsLimitEndsTheWait() throws Exception {
            NativeCallback<OnAsk> brief = onA.closing(NativeCallback.synchronous(
                    onA.options().answerWithin(Duration.ofMillis(100)).onError(e -> {}),
                    CallbackType.of(OnAsk.class),
                    (thread, sequence, id) -> sequence + id,
                    (thread, sequence, id) -> FALLBACK));
            a.awaitParked();
            try (Source source = Source.asking(brief.pointer(), 1, FALLBACK).start(1, 1, 0)) {
                source.await();
                assertThat(source.fallbackAnswers()).isEqualTo(1);
            }
        }

        @Test
        void itsFirstRefMakesItThreadSafeForGoodAndUnrefDoesNotUndoThat() throws Exception {
            callback.ref();
            callback.unref();
            a.awaitParked();
            assertThat(askOnce(callback.pointer())).isEqualTo(6);
        }

        @Test
        void refUnrefRefWorks() throws Exception {
            assertThat(List.of(callback.ref(), callback.unref(), callback.ref()))
                    .containsExactly(1, 0, 1);
            a.awaitParked();
            assertThat(askOnce(callback.pointer())).isEqualTo(6);
        }

        @Test
        void theFirstRefWakesTheSchedulerForCallersThatWaitAlready() throws Exception {
            a.awaitParked();
            FutureTask<Void> call =
                    start(() -> assertThat(askOnce(callback.pointer())).isEqualTo(6));
            await().during(Duration.ofMillis(100)).until(() -> handled.get() == 0);
            callback.ref();
            get(call);
        }
    }

    @Nested
    class Idle {

        @Test
        void refdAndIdleItBurnsNoCpu() throws Exception {
            NativeCallback<EchoLong> callback = onA.threadSafe(EchoLong.class, value -> value + 1);
            assertThat(askOnce(callback.pointer())).isEqualTo(6);
            a.awaitParked();
            long before = cpu();
            long wakeUps = a.scheduler.loop().wakeUps();
            await().during(Duration.ofSeconds(1)).untilAsserted(() -> {
                assertThat(cpu() - before).isLessThan(TimeUnit.MILLISECONDS.toNanos(5));
                assertThat(a.scheduler.loop().wakeUps()).isEqualTo(wakeUps);
            });
        }

        private long cpu() {
            var threads = ManagementFactory.getThreadMXBean();
            return Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.equals(a.scheduler.thread())
                            || thread.getName().startsWith("reactor-ffi"))
                    .mapToLong(thread -> Math.max(0, threads.getThreadCpuTime(thread.threadId())))
                    .sum();
        }
    }

    @Nested
    class WhenNativeCodeGoesOn {

        @AfterEach
        void clear() {
            Fixture.clearTrace();
        }

        @Test
        void workThatTheHandlerScheduledRunsAfterNativeHasResumed() throws Exception {
            CountDownLatch ran = new CountDownLatch(3);
            NativeCallback<OnEvent> callback = onA.threadSafe(OnEvent.class, (thread, sequence, mark) -> {
                Fixture.mark(1);
                a.scheduler.schedule(() -> {
                    Fixture.mark(3);
                    ran.countDown();
                });
            });
            a.run(() -> {
                Calls.traced(callback.pointer(), 3, 2, false);
                return null;
            });
            assertThat(ran.await(10, TimeUnit.SECONDS)).isTrue();
            assertThat(Fixture.trace()).containsExactly(1, 2, 1, 2, 1, 2, 3, 3, 3);
        }

        /** The work waits until native code has gone on: did native code wait for the work, neither would. */
        @Test
        void workThatTheHandlerScheduledNeverDelaysANativeThread() throws Exception {
            AtomicInteger works = new AtomicInteger();
            NativeCallback<OnEvent> callback = onA.threadSafe(OnEvent.class, (thread, sequence, mark) -> {
                Fixture.mark(1);
                a.scheduler.schedule(() -> {
                    await().until(() -> Fixture.trace().length >= 2);
                    Fixture.mark(3);
                    works.incrementAndGet();
                });
            });
            Calls.traced(callback.pointer(), 1, 2, true);
            await().until(() -> works.get() == 1);
            assertThat(Fixture.trace()).containsExactly(1, 2, 3);
        }

        /** The same, for a caller that sleeps by then, and that nothing but its wake-up wakes: that comes before the work, too. */
        @Test
        void workThatTheHandlerScheduledNeverDelaysANativeThreadThatSleeps() throws Exception {
            TestScheduler patient = a.another("patient", limits -> limits);
            AtomicReference<Thread> caller = new AtomicReference<>();
            CountDownLatch resumed = new CountDownLatch(1);
            CountDownLatch worked = new CountDownLatch(1);
            NativeCallback<EchoLong> answered = onA.closing(NativeCallback.threadSafe(
                    onA.options().on(patient.scheduler).answerWithin(Duration.ofHours(1)),
                    CallbackType.of(EchoLong.class),
                    value -> {
                        await().until(() -> caller.get().getState() == Thread.State.TIMED_WAITING);
                        patient.scheduler.schedule(() -> {
                            awaitLatch(resumed);
                            worked.countDown();
                        });
                        return value + 1;
                    },
                    null));
            NativeCallback<EchoLong> entry = onA.closing(NativeCallback.direct(EchoLong.class, value -> {
                caller.set(Thread.currentThread());
                return Values.askLong(answered.pointer(), value, false);
            }));
            FutureTask<Void> call =
                    start(() -> assertThat(askOnce(entry.pointer())).isEqualTo(6));
            try {
                get(call);
            } finally {
                resumed.countDown();
            }
            assertThat(worked.await(20, TimeUnit.SECONDS)).isTrue();
        }

        /** Each caller gets control back when its own handler returns, not when those of the others have. */
        @Test
        void norDoTheHandlersOfCallersThatQueuedBehindIt() throws Exception {
            CountDownLatch firstIsBack = new CountDownLatch(1);
            NativeCallback<EchoLong> first = onA.threadSafe(EchoLong.class, value -> value + 1);
            NativeCallback<EchoLong> second = onA.threadSafe(EchoLong.class, value -> {
                awaitLatch(firstIsBack);
                return value + 2;
            });
            Runnable free = a.hold();
            FutureTask<Void> one = start(() -> {
                assertThat(askOnce(first.pointer())).isEqualTo(6);
                firstIsBack.countDown();
            });
            await().until(() -> waiting("Answers.handOver") == 1);
            FutureTask<Void> two =
                    start(() -> assertThat(askOnce(second.pointer())).isEqualTo(7));
            await().until(() -> waiting("Answers.handOver") == 2);
            free.run();
            try {
                get(one);
            } finally {
                firstIsBack.countDown();
            }
            get(two);
        }

        private static long waiting(String where) {
            return Thread.getAllStackTraces().entrySet().stream()
                    .filter(each -> each.getKey().getState() == Thread.State.TIMED_WAITING)
                    .filter(each -> List.of(each.getValue()).toString().contains(where))
                    .count();
        }
    }

    @Nested
    class Closing {

        @Test
        void waitingCallersGetTheFallbackAtOnce() throws Exception {
            AtomicBoolean ran = new AtomicBoolean();
            CallbackOptions options = onA.options();
            NativeCallback<OnAsk> callback = onA.asking(options, (thread, sequence, id) -> {
                ran.set(true);
                return 0;
            });
            Runnable free = a.hold();
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(4, 1, 0)) {
                await().until(() -> source.calls() == 4);
                long from = System.nanoTime();
                callback.close();
                source.await();
                assertThat(System.nanoTime() - from).isLessThan(TimeUnit.SECONDS.toNanos(5));
                assertThat(source.fallbackAnswers()).isEqualTo(4);
                callback.closed().block(Duration.ofSeconds(5));
            } finally {
                free.run();
            }
            a.settle();
            assertThat(ran).isFalse();
            CallbackMetrics metrics = CallbackMetrics.of(options.name());
            assertThat(metrics.refusedCalls() + metrics.lateCalls()).isEqualTo(4);
        }

        @Test
        void laterCallersGetTheFallbackAndAreCounted() throws Exception {
            CallbackOptions options = onA.options();
            NativeCallback<OnAsk> callback = onA.asking(options, (thread, sequence, id) -> 0);
            callback.close();
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(2, 10, 0)) {
                source.await();
                assertThat(source.fallbackAnswers()).isEqualTo(20);
            }
            assertThat(CallbackMetrics.of(options.name()).lateCalls()).isEqualTo(20);
        }

        @Test
        void theHandlerItselfMayCloseAndItsAnswerStillCounts() throws Exception {
            AtomicReference<NativeCallback<EchoLong>> self = new AtomicReference<>();
            AtomicBoolean completed = new AtomicBoolean();
            NativeCallback<EchoLong> callback = onA.closing(NativeCallback.threadSafe(
                    CallbackOptions.defaults().on(a.scheduler),
                    CallbackType.of(EchoLong.class),
                    value -> {
                        self.get().close();
                        self.get().closed().subscribe(null, null, () -> completed.set(true));
                        await().during(Duration.ofMillis(50)).untilFalse(completed);
                        return value + 1;
                    },
                    value -> FALLBACK));
            self.set(callback);
            assertThat(askOnce(callback.pointer())).isEqualTo(6);
            callback.closed().block(Duration.ofSeconds(10));
            assertThat(askOnce(callback.pointer())).isEqualTo(FALLBACK);
        }

        @Test
        void closedCompletesWhenNoHandlerRunsAnyMore() throws Exception {
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch until = new CountDownLatch(1);
            AtomicBoolean completed = new AtomicBoolean();
            NativeCallback<EchoLong> callback = onA.threadSafe(EchoLong.class, value -> {
                inside.countDown();
                awaitLatch(until);
                return value + 1;
            });
            FutureTask<Void> call =
                    start(() -> assertThat(askOnce(callback.pointer())).isEqualTo(6));
            inside.await();
            callback.closed().subscribe(null, null, () -> completed.set(true));
            callback.close();
            await().during(Duration.ofMillis(100)).untilFalse(completed);
            until.countDown();
            get(call);
            await().untilTrue(completed);
        }

        @Test
        void closedWaitsForTheHandlerEvenIfItsSlotIsReleased() throws Exception {
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch until = new CountDownLatch(1);
            AtomicBoolean completed = new AtomicBoolean();
            NativeCallback<EchoLong> callback = onA.threadSafe(EchoLong.class, value -> {
                inside.countDown();
                awaitLatch(until);
                return value + 1;
            });
            FutureTask<Void> call =
                    start(() -> assertThat(askOnce(callback.pointer())).isEqualTo(6));
            inside.await();
            callback.closed().subscribe(null, null, () -> completed.set(true));
            callback.release();
            NativeCallback<EchoLong> next = onB.threadSafe(EchoLong.class, value -> value + 2);
            await().during(Duration.ofMillis(100)).untilFalse(completed);
            assertThat(askOnce(next.pointer())).isEqualTo(7);
            until.countDown();
            get(call);
            await().untilTrue(completed);
            assertThat(onB.threadSafe(EchoLong.class, value -> value).pointer())
                    .as("its slot is free now")
                    .isEqualTo(callback.pointer());
        }

        @Test
        void aSecondCloseDoesNothing() {
            NativeCallback<EchoLong> callback = onA.threadSafe(EchoLong.class, value -> value + 1);
            callback.close();
            assertThatCode(() -> {
                        callback.close();
                        callback.release();
                        callback.closed().block(Duration.ofSeconds(10));
                        callback.close();
                    })
                    .doesNotThrowAnyException();
            NativeCallback<EchoLong> next = onA.threadSafe(EchoLong.class, value -> value + 2);
            callback.close();
            callback.release();
            assertThat(next.pointer()).isEqualTo(callback.pointer());
            assertThat(askOnce(next.pointer())).as("the next one of that slot").isEqualTo(7);
        }

        /** Of these tests alone: what others have left behind may be collected meanwhile. */
        interface OnForgotten {
            long echo(long value);
        }

        private static final String REPORT = "OnForgotten.echo was collected without close()";

        @Test
        void collectedWithoutCloseIsReportedOnceWithWhereItWasMadeAndItsPointerGoesOnWorking() {
            try (CapturedLog log = new CapturedLog()) {
                MemorySegment pointer = forgotten();
                await().until(() -> {
                    System.gc();
                    return log.text().contains(REPORT);
                });
                System.gc();
                assertThat(log.count(REPORT)).isEqualTo(1);
                assertThat(log.text()).contains("made here", "Closing.forgotten", "and its ref is kept");
                assertThat(askOnce(pointer)).isEqualTo(6);
            }
        }

        @Test
        void aDirectOneThatIsForgottenHasNoRef() {
            try (CapturedLog log = new CapturedLog()) {
                forgottenDirect();
                await().until(() -> {
                    System.gc();
                    return log.text().contains(REPORT);
                });
                assertThat(log.text())
                        .contains("its pointer goes on working. Close it")
                        .doesNotContain("its ref");
            }
        }

        private static void forgottenDirect() {
            assertThat(NativeCallback.direct(OnForgotten.class, value -> value + 1)
                            .pointer()
                            .address())
                    .isNotZero();
        }

        @Test
        void thatWasClosedIsNoneThatWasForgotten() {
            try (CapturedLog log = new CapturedLog()) {
                NativeCallback<OnForgotten> callback =
                        NativeCallback.threadSafe(a.scheduler, OnForgotten.class, value -> value + 1);
                callback.close();
                callback.closed().block(Duration.ofSeconds(10));
                assertThat(log.text()).doesNotContain(REPORT);
            }
        }

        private MemorySegment forgotten() {
            NativeCallback<OnForgotten> callback =
                    NativeCallback.threadSafe(a.scheduler, OnForgotten.class, value -> value + 1);
            MemorySegment pointer = callback.pointer();
            callback.unref();
            return pointer;
        }
    }

    @Nested
    class TheLimit {

        private final List<Throwable> errors = new CopyOnWriteArrayList<>();
        private final AtomicInteger handled = new AtomicInteger();

        private NativeCallback<OnAsk> brief(CallbackOptions options) {
            return onA.asking(options.answerWithin(Duration.ofMillis(100)), (thread, sequence, id) -> {
                handled.incrementAndGet();
                return sequence + id;
            });
        }

        @Test
        void passedItMeansTheFallbackAndAnErrorAndTheHandlerNeverRunsForACallerThatHasGone() throws Exception {
            CallbackOptions options = onA.options().onError(errors::add);
            NativeCallback<OnAsk> callback = brief(options);
            Runnable free = a.hold();
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(2, 1, 0)) {
                source.await();
                assertThat(source.fallbackAnswers()).isEqualTo(2);
            }
            free.run();
            a.settle();
            assertThat(handled).hasValue(0);
            assertThat(errors)
                    .hasSize(2)
                    .allSatisfy(error -> assertThat(error)
                            .isInstanceOf(TimeoutException.class)
                            .hasMessageContaining(options.name())
                            .hasMessageContaining("CallbackScheduler(" + a.name + ")")
                            .hasMessageContaining("100 ms"));
            assertThat(CallbackMetrics.of(options.name()).refusedCalls()).isEqualTo(2);
        }

        @Test
        void onceItHasPassedOthersAreRefusedAtOnceUntilTheTurnMoves() throws Exception {
            TestScheduler watched = a.another("watched", limits -> limits.warnAfter(Duration.ofMillis(50)));
            CallbackOptions options = onA.options().on(watched.scheduler).onError(errors::add);
            NativeCallback<OnAsk> callback = brief(options);
            // As a native call does that waits for the source, without callBlocking.
            Runnable free = watched.hold();
            try (CapturedLog log = CapturedLog.start()) {
                try (Source source =
                        Source.asking(callback.pointer(), 1, FALLBACK).start(1, 1000, 0)) {
                    source.await();
                    assertThat(source.fallbackAnswers()).isEqualTo(1000);
                }
                assertThat(log.count("callers are refused at once from now on")).isEqualTo(1);
                assertThat(log.text()).contains("make it inside CallbackScheduler.callBlocking");
            }
            assertThat(errors).hasSize(1000).first().isInstanceOf(TimeoutException.class);
            assertThat(errors.subList(1, 1000))
                    .allSatisfy(error -> assertThat(error)
                            .isInstanceOf(RejectedExecutionException.class)
                            .hasMessageContaining(options.name())
                            .hasMessageContaining("callBlocking"));
            assertThat(handled).hasValue(0);

            free.run();
            watched.settle();
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(1, 10, 0)) {
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(10);
            }
            callback.close();
        }

        @Test
        void aCallerThatHasALongerOneStillWaitsForItsOwn() throws Exception {
            NativeCallback<OnAsk> impatient = brief(onA.options().onError(errors::add));
            NativeCallback<OnAsk> patient = onA.asking(
                    onA.options().answerWithin(Duration.ofMinutes(1)), (thread, sequence, id) -> sequence + id);
            Runnable free = a.hold();
            try (Source source = Source.asking(impatient.pointer(), 1, FALLBACK).start(1, 2, 0)) {
                source.await();
            }
            assertThat(errors).hasSize(2).last().isInstanceOf(RejectedExecutionException.class);
            try (Source source = Source.asking(patient.pointer(), 1, FALLBACK).start(1, 1, 0)) {
                await().until(() -> source.calls() == 1);
                free.run();
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(1);
            }
        }

        @Test
        void itMayBeWithoutEnd() throws Exception {
            NativeCallback<OnAsk> callback = onA.asking(
                    onA.options().answerWithin(ChronoUnit.FOREVER.getDuration()),
                    (thread, sequence, id) -> sequence + id);
            Runnable free = a.hold();
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(1, 1, 0)) {
                await().until(() -> source.calls() == 1);
                free.run();
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(1);
            }
        }

        @Test
        void withoutAHandlerOfItsOwnTheErrorGoesToOnErrorDropped() throws Exception {
            Hooks.onErrorDropped(errors::add);
            NativeCallback<OnAsk> callback = brief(onA.options());
            Runnable free = a.hold();
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(1, 1, 0)) {
                source.await();
            } finally {
                free.run();
                Hooks.resetOnErrorDropped();
            }
            assertThat(errors).singleElement().isInstanceOf(TimeoutException.class);
        }

        @Test
        void onceTheHandlerHasStartedTheCallerWaitsForIt() throws Exception {
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch until = new CountDownLatch(1);
            NativeCallback<OnAsk> callback =
                    onA.asking(onA.options().answerWithin(Duration.ofMillis(100)), (thread, sequence, id) -> {
                        inside.countDown();
                        awaitLatch(until);
                        return sequence + id;
                    });
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(1, 1, 0)) {
                inside.await();
                await().during(Duration.ofMillis(300)).until(() -> source.running() == 1);
                until.countDown();
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(1);
            }
        }

        @Test
        void oneCallerTooManyGetsTheFallbackAtOnceAndAnErrorThatSaysSo() throws Exception {
            TestScheduler narrow = a.another("narrow", limits -> limits.maxCallers(2));
            NativeCallback<OnAsk> callback = onA.asking(
                    CallbackOptions.named("too-many").on(narrow.scheduler).onError(errors::add),
                    (thread, sequence, id) -> sequence + id);
            Runnable free = narrow.hold();
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(3, 1, 0)) {
                await().until(() -> source.fallbackAnswers() == 1);
                free.run();
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(2);
            }
            assertThat(errors)
                    .singleElement()
                    .satisfies(error -> assertThat(error)
                            .isInstanceOf(RejectedExecutionException.class)
                            .hasMessageContaining("maxCallers"));
        }

        @Test
        void aDisposedSchedulerRefusesARefAndAThreadSafeCallback() {
            TestScheduler gone = a.another("gone", limits -> limits);
            NativeCallback<EchoSegment> before = onA.threadSafe(gone.scheduler, EchoSegment.class, it -> it);
            int stubs = PoolMetrics.now().stubs();
            gone.scheduler.dispose();
            gone.scheduler.disposeGracefully().block(Duration.ofSeconds(10));
            assertThat(before.refCount()).as("the end has taken it").isZero();
            assertThat(before.unref()).isZero();
            assertThatExceptionOfType(RejectedExecutionException.class)
                    .isThrownBy(before::ref)
                    .withMessageContaining("CallbackScheduler(" + gone.name + ") is disposed");
            for (int i = 0; i < 3; i++) {
                assertThatExceptionOfType(RejectedExecutionException.class)
                        .isThrownBy(() -> NativeCallback.threadSafe(gone.scheduler, EchoSegment.class, it -> it))
                        .withMessageContaining("CallbackScheduler(" + gone.name + ") is disposed");
            }
            assertThat(PoolMetrics.now().stubs()).as("no pointer was made").isLessThanOrEqualTo(stubs);
        }

        @Test
        void aThreadSafeCallbackThatDoesNotKeepTheJvmAliveWakesItsSchedulerWithoutARef() {
            NativeCallback<EchoSegment> callback = NativeCallback.threadSafe(
                    CallbackOptions.named("no-ref").on(a.scheduler).keepAlive(false),
                    CallbackType.of(EchoSegment.class),
                    it -> it,
                    it -> MemorySegment.NULL);
            assertThat(callback.refCount()).isZero();
            MemorySegment given = MemorySegment.ofAddress(0x1234);
            assertThat(Values.askPointer(callback.pointer(), given, true)).isEqualTo(given);
            callback.close();
        }

        @Test
        void aDisposedSchedulerGivesTheFallbackAtOnce() throws Exception {
            TestScheduler gone = a.another("gone", limits -> limits);
            NativeCallback<OnAsk> callback = onA.asking(
                    CallbackOptions.named("gone").on(gone.scheduler).onError(errors::add),
                    (thread, sequence, id) -> sequence + id);
            Runnable free = gone.hold();
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(2, 1, 0)) {
                await().until(() -> source.calls() == 2);
                gone.scheduler.dispose();
                free.run();
                source.await();
                assertThat(source.fallbackAnswers() + source.rightAnswers()).isEqualTo(2);
            }
            CallbackOptions later = onA.options();
            NativeCallback<OnAsk> madeLater = onA.closing(NativeCallback.synchronous(
                    later.on(gone.scheduler).onError(errors::add),
                    CallbackType.of(OnAsk.class),
                    (thread, sequence, id) -> sequence + id,
                    (thread, sequence, id) -> FALLBACK));
            gone.scheduler.disposeGracefully().block(Duration.ofSeconds(10));
            errors.clear();
            try (Source source = Source.asking(madeLater.pointer(), 1, FALLBACK).start(2, 50, 0)) {
                source.await();
                assertThat(source.fallbackAnswers()).isEqualTo(100);
            }
            assertThat(CallbackMetrics.of(later.name()).refusedCalls()).isEqualTo(100);
            assertThat(errors)
                    .as("once for a callback, not for each call")
                    .singleElement()
                    .satisfies(error -> assertThat(error)
                            .isInstanceOf(RejectedExecutionException.class)
                            .hasMessageContaining("disposed"));
        }
    }

    @Nested
    class TheWarning {

        @Test
        void aLongWaitLogsWhoWaitsAndWhatTheSchedulersThreadIsDoing() throws Exception {
            TestScheduler watched = a.another("watched", limits -> limits.warnAfter(Duration.ofMillis(50)));
            NativeCallback<OnAsk> callback = onA.asking(
                    CallbackOptions.named("waits").on(watched.scheduler), (thread, sequence, id) -> sequence + id);
            Runnable free = watched.hold();
            try (CapturedLog log = new CapturedLog();
                    Source source =
                            Source.asking(callback.pointer(), 1, FALLBACK).start(1, 1, 0)) {
                await().until(() -> log.text().contains("the scheduler's thread: "));
                assertThat(log.text())
                        .contains(
                                "waits for its turn",
                                "CallbackScheduler(" + watched.name + ")",
                                "who waits: ",
                                "(native-")
                        .contains("internal.call.Answers.handOver", "awaitLatch");
                await().during(Duration.ofMillis(150)).until(() -> log.count("waits for its turn") == 1);
                free.run();
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(1);
            } finally {
                free.run();
            }
        }

        @Test
        void aLongWaitForALentTurnIsLoggedToo() throws Exception {
            TestScheduler watched = a.another("watched", limits -> limits.warnAfter(Duration.ofMillis(50)));
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch until = new CountDownLatch(1);
            NativeCallback<EchoLong> busy = onA.threadSafe(watched.scheduler, EchoLong.class, value -> {
                inside.countDown();
                awaitLatch(until);
                return value + 1;
            });
            NativeCallback<OnAsk> callback = onA.asking(
                    CallbackOptions.named("waits").on(watched.scheduler), (thread, sequence, id) -> sequence + id);
            try (CapturedLog log = new CapturedLog()) {
                FutureTask<Long> lend = watched.submit(
                        () -> watched.scheduler.callBlocking(() -> Values.askLong(busy.pointer(), 1, true)));
                inside.await();
                try (Source source =
                        Source.asking(callback.pointer(), 1, FALLBACK).start(1, 1, 0)) {
                    await().until(() -> log.text().contains("a call waits for its turn"));
                    assertThat(log.text()).contains("internal.call.Answers.handOver", "Values.askLong");
                    await().during(Duration.ofMillis(150)).until(() -> log.count("a call waits for its turn") == 1);
                    until.countDown();
                    source.await();
                    assertThat(source.rightAnswers()).isEqualTo(1);
                }
                assertThat(get(lend)).isEqualTo(2);
            } finally {
                until.countDown();
            }
        }
    }

    @Nested
    class Hot {

        /** In rounds, of which one has to be hot: now and then the machine gives a core to somebody else. */
        @Test
        void theHandOverSpinsBrieflyBeforeItParksOnBothSides() throws Exception {
            assumeTrue(Runtime.getRuntime().availableProcessors() > 1, "with one core it never spins");
            TestScheduler hot = a.another("hot", limits -> limits.spin(Duration.ofMillis(10)));
            int calls = 100;
            FutureTask<Void> rounds = start(() -> await().atMost(Duration.ofSeconds(40))
                    .pollInterval(Duration.ofMillis(1))
                    .until(() -> {
                        AtomicInteger slept = new AtomicInteger();
                        long wakeUps = hot.scheduler.loop().wakeUps();
                        for (int i = 0; i < calls; i++) {
                            hot.scheduler.callers().call(new Counted(slept), TimeUnit.SECONDS.toNanos(10), true);
                        }
                        return slept.get() < calls / 4 && hot.scheduler.loop().wakeUps() - wakeUps < calls / 4;
                    }));
            rounds.get();
        }
    }

    /** Counts the callers that go to sleep. */
    private static final class Counted extends TurnCall {

        private final AtomicInteger slept;

        Counted(AtomicInteger slept) {
            this.slept = slept;
        }

        @Override
        protected void run() {}

        @Override
        protected void sleeps() {
            slept.incrementAndGet();
        }
    }
}
