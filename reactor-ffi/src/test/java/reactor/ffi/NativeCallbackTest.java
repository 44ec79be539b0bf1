package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;
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
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
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
import reactor.ffi.fixture.Memory;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.TestCallbacks;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.fixture.Values;

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
}
