package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
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
import reactor.ffi.fixture.Values;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.loop.TurnCall;

/** The statements on the answered callback, one by one. Who calls is always a real native thread, or says so. */
@Timeout(60)
class NativeCallbackTest {

    /** What C gets when Java has no answer; no right answer is negative. */
    private static final long FALLBACK = -7;

    private static final AtomicInteger NAMES = new AtomicInteger();

    private final LoopScheduler a = (LoopScheduler) CallbackScheduler.create("A");
    private final LoopScheduler b = (LoopScheduler) CallbackScheduler.create("B");
    private final List<NativeCallback<?>> made = new ArrayList<>();

    @AfterEach
    void close() {
        made.forEach(NativeCallback::close);
        for (NativeCallback<?> callback : made) {
            callback.closed().block(Duration.ofSeconds(20));
        }
        a.dispose();
        b.dispose();
        a.disposeGracefully().block(Duration.ofSeconds(20));
        b.disposeGracefully().block(Duration.ofSeconds(20));
    }

    private <C extends NativeCallback<?>> C closing(C callback) {
        made.add(callback);
        return callback;
    }

    private <F> NativeCallback<F> threadSafe(CallbackScheduler on, Class<F> type, F handler) {
        return closing(NativeCallback.threadSafe(on, type, handler));
    }

    private NativeCallback<OnAsk> asking(CallbackOptions options, OnAsk handler) {
        return closing(NativeCallback.threadSafe(
                options, CallbackType.of(OnAsk.class), handler, (thread, sequence, id) -> FALLBACK));
    }

    private CallbackOptions options() {
        return CallbackOptions.named("callback-" + NAMES.incrementAndGet()).on(a);
    }

    private static <T> FutureTask<T> on(CallbackScheduler scheduler, Callable<T> body) {
        FutureTask<T> task = new FutureTask<>(body);
        scheduler.schedule(task);
        return task;
    }

    private static <T> T get(FutureTask<T> task) throws Exception {
        return task.get(20, TimeUnit.SECONDS);
    }

    /** On a Java thread, which waits in C until the native threads have called. */
    private static FutureTask<Void> start(Runnable calls) {
        FutureTask<Void> task = new FutureTask<>(calls, null);
        Thread thread = new Thread(task, "starts-native-threads");
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    /** The scheduler's thread is in a task, without lending, until then. */
    private static void occupy(CallbackScheduler scheduler, CountDownLatch until) throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        scheduler.schedule(() -> {
            begun.countDown();
            isBusyUntil(until);
        });
        begun.await();
    }

    private static void isBusyUntil(CountDownLatch until) {
        try {
            until.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void awaitParked(LoopScheduler scheduler) throws Exception {
        get(on(scheduler, () -> null));
        await().until(() -> scheduler.thread().getState() == Thread.State.WAITING);
    }

    /** Asks once from a native thread, and says what it got. */
    private static long askOnce(MemorySegment pointer) {
        return Values.askLong(pointer, 5, true);
    }

    @Nested
    class AsACFunctionPointer {

        @Test
        void anyThreadMayCallItAtAnyTime() throws Exception {
            NativeCallback<EchoLong> echo = threadSafe(a, EchoLong.class, value -> value + 1);
            assertThat(Values.askLong(echo.pointer(), 1, false))
                    .as("a Java thread")
                    .isEqualTo(2);
            assertThat(Values.askLong(echo.pointer(), 2, true))
                    .as("a native thread")
                    .isEqualTo(3);
            assertThat(get(on(a, () -> Values.askLong(echo.pointer(), 3, false))))
                    .as("its scheduler's thread")
                    .isEqualTo(4);
            assertThat(get(on(b, () -> Values.askLong(echo.pointer(), 4, false))))
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
            assertThat(nativeThread ? checks.call() : get(on(a, checks))).isZero();
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void eighteenParametersOfEveryWidthArrive(boolean nativeThread) throws Exception {
            NativeCallback<OnMixed> mixed = threadSafe(a, OnMixed.class, Values::weigh);
            Callable<Integer> check = () -> Values.checkMixed(mixed.pointer(), nativeThread);
            assertThat(nativeThread ? check.call() : get(on(a, check))).isZero();
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void structsComeAndGoByValue(boolean nativeThread) throws Exception {
            Callable<Integer> checks = () -> Values.checkSmall(struct(Structs.ECHO_SMALL), nativeThread)
                    + Values.checkLarge(struct(Structs.ECHO_LARGE), nativeThread)
                    + Values.checkLine(struct(Structs.ECHO_LINE), nativeThread)
                    + Values.checkShape(struct(Structs.ECHO_SHAPE), nativeThread);
            assertThat(nativeThread ? checks.call() : get(on(a, checks))).isZero();
        }

        @Test
        void nativeCodeReadsTheMemoryThatAnAnswerPointsTo() {
            try (Arena arena = Arena.ofShared()) {
                MemorySegment text = arena.allocateFrom("forty-two");
                MemorySegment copy = arena.allocate(32);
                NativeCallback<ReturnText> answers = threadSafe(a, ReturnText.class, index -> text);
                assertThat(Memory.readText(answers.pointer(), 0, copy, 32, true))
                        .isEqualTo(9);
                assertThat(copy.getString(0)).isEqualTo("forty-two");
            }
        }

        private <F> MemorySegment pointer(Class<F> type, F handler) {
            return threadSafe(a, type, handler).pointer();
        }

        /** Answers with memory that is its own, confined to the scheduler's thread, and freed before native code reads. */
        private MemorySegment struct(FunctionDescriptor descriptor) {
            EchoSegment echo = value -> {
                Arena confined = Arena.ofConfined();
                MemorySegment answer = confined.allocate(value.byteSize(), 8).copyFrom(value);
                a.schedule(confined::close);
                return answer;
            };
            return closing(NativeCallback.threadSafe(
                            options(), CallbackType.of(EchoSegment.class).descriptor(descriptor), echo, null))
                    .pointer();
        }
    }

    @Nested
    class BelongsToItsScheduler {

        private final List<Thread> ranOn = new CopyOnWriteArrayList<>();

        @Test
        void madeOnAAndCalledByANativeThreadThatBStarted() throws Exception {
            NativeCallback<OnAsk> callback = get(on(a, () -> asking(options(), this::answer)));
            try (Source source = get(
                    on(b, () -> Source.asking(callback.pointer(), 3, FALLBACK).start(1, 50, 0)))) {
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(50);
            }
            assertThat(ranOn).hasSize(50).containsOnly(a.thread());
        }

        @Test
        void madeOnBAndCalledFromAsThread() throws Exception {
            NativeCallback<EchoLong> callback = get(on(
                    b,
                    () -> threadSafe(b, EchoLong.class, value -> {
                        ranOn.add(Thread.currentThread());
                        return value + 1;
                    })));
            assertThat(get(on(a, () -> Values.askLong(callback.pointer(), 1, false))))
                    .isEqualTo(2);
            assertThat(ranOn).containsOnly(b.thread());
        }

        @Test
        void thePointerTravelsAsANumber() {
            NativeCallback<EchoLong> callback = threadSafe(a, EchoLong.class, value -> {
                ranOn.add(Thread.currentThread());
                return value + 1;
            });
            long number = callback.pointer().address();
            assertThat(Values.askLong(MemorySegment.ofAddress(number), 1, true)).isEqualTo(2);
            assertThat(ranOn).containsOnly(a.thread());
        }

        @Test
        void onceMadeThePointerIsTheSameOne() {
            NativeCallback<EchoLong> callback = threadSafe(a, EchoLong.class, value -> value);
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
            NativeCallback<OnEvent> callback = threadSafe(a, OnEvent.class, (thread, sequence, id) -> {
                stack.set(Thread.currentThread().getStackTrace());
                order.add("handler " + a.isOwnTurn());
            });
            get(on(a, () -> {
                order.add("before");
                Calls.n(callback.pointer(), 1, 0);
                order.add("after");
                return null;
            }));
            assertThat(order).containsExactly("before", "handler true", "after");
            assertThat(stack.get())
                    .anyMatch(frame -> frame.getMethodName().equals("theHandlerRunsAtOnceOnThatStack")
                            || frame.getClassName().equals(Calls.class.getName()));
        }

        @Test
        void nestedAsDeepAsNativeCodeNestsIt() throws Exception {
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            NativeCallback<Recurse> callback =
                    threadSafe(a, Recurse.class, level -> Calls.recurse(pointer.get(), level - 1));
            pointer.set(callback.pointer());
            assertThat(get(on(a, () -> Calls.recurse(callback.pointer(), 50)))).isEqualTo(50);
        }

        @Test
        void aNativeThreadNestsThroughTheScheduler() {
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            NativeCallback<Recurse> callback =
                    threadSafe(a, Recurse.class, level -> Calls.recurse(pointer.get(), level - 1));
            pointer.set(callback.pointer());
            assertThat(Calls.recurseOnThread(callback.pointer(), 50)).isEqualTo(50);
        }

        @Test
        void anExceptionGoesToTheSchedulersErrorHandlerAndNativeCodeGetsTheFallback() throws Exception {
            List<String> errors = new CopyOnWriteArrayList<>();
            Schedulers.onHandleError(
                    "test", (thread, error) -> errors.add(thread.getName() + ": " + error.getMessage()));
            try (CapturedLog log = new CapturedLog()) {
                NativeCallback<EchoLong> callback = closing(NativeCallback.threadSafe(
                        CallbackOptions.defaults().on(a),
                        CallbackType.of(EchoLong.class),
                        value -> {
                            throw new IllegalStateException("thrown");
                        },
                        value -> FALLBACK));
                assertThat(get(on(a, () -> Values.askLong(callback.pointer(), 1, false))))
                        .isEqualTo(FALLBACK);
                assertThat(errors).as("own thread").containsExactly("A: thrown");
                assertThat(Values.askLong(callback.pointer(), 1, true)).isEqualTo(FALLBACK);
                assertThat(errors).as("handed over").containsExactly("A: thrown", "A: thrown");
                assertThat(log.count("IllegalStateException: thrown")).isEqualTo(2);
            } finally {
                Schedulers.resetOnHandleError("test");
            }
        }

        @Test
        void theErrorHandlerOfTheOptionsGetsItOnTheThreadThatRanTheHandler() throws Exception {
            List<String> errors = new CopyOnWriteArrayList<>();
            CallbackOptions options =
                    options().onError(e -> errors.add(Thread.currentThread().getName() + ": " + e.getMessage()));
            NativeCallback<OnAsk> callback = asking(options, (thread, sequence, id) -> {
                throw new StackOverflowError("thrown " + sequence);
            });
            try (Source source = Source.asking(callback.pointer(), 0, FALLBACK).start(1, 3, 0)) {
                source.await();
                assertThat(source.fallbackAnswers()).isEqualTo(3);
            }
            assertThat(errors).containsExactly("A: thrown 0", "A: thrown 1", "A: thrown 2");
            assertThat(CallbackMetrics.of(options.name()).failedCalls()).isEqualTo(3);
        }

        @Test
        void theErrorHandlerGetsWhatAFallbackThrowsToo() throws Exception {
            List<Throwable> errors = new CopyOnWriteArrayList<>();
            RuntimeException handlers = new IllegalStateException("the handler's");
            RuntimeException fallbacks = new IllegalStateException("the fallback's");
            NativeCallback<EchoLong> callback = NativeCallback.threadSafe(
                    options().onError(errors::add),
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
                CallbackOptions options = options().onError(e -> {
                    throw new IllegalStateException("the handler's own", e);
                });
                NativeCallback<OnAsk> callback = asking(options, (thread, sequence, id) -> {
                    throw new IllegalStateException("thrown");
                });
                try (Source source =
                        Source.asking(callback.pointer(), 0, FALLBACK).start(1, 1, 0)) {
                    source.await();
                    assertThat(source.fallbackAnswers()).isEqualTo(1);
                }
                assertThat(log.text()).contains("the handler's own", "thrown");
            }
            assertThat(get(on(a, () -> 1))).isEqualTo(1);
        }

        @Test
        void aResultThatCCannotTakeIsAnErrorToo() {
            List<Throwable> errors = new CopyOnWriteArrayList<>();
            NativeCallback<ReturnText> callback = closing(NativeCallback.threadSafe(
                    options().onError(errors::add),
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
            NativeCallback<OnAsk> callback = asking(options(), (thread, sequence, id) -> {
                if (inside.incrementAndGet() != 1 || !a.isOwnTurn()) {
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
            NativeCallback<OnText> callback = threadSafe(a, OnText.class, (text, length) -> {
                read.set(Thread.currentThread().getName() + " " + text.getString(0));
                kept.set(text);
            });
            try (Arena arena = Arena.ofShared()) {
                Memory.text(callback.pointer(), arena.allocateFrom("native memory"), true);
            }
            assertThat(read).hasValue("A native memory");
            assertThat(kept.get().scope().isAlive()).isFalse();
            assertThatThrownBy(() -> kept.get().get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(WrongThreadException.class);
            assertThat(get(on(a, () -> catchThrowable(() -> kept.get().get(ValueLayout.JAVA_BYTE, 0)))))
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
            NativeCallback<OnStructs> callback = closing(NativeCallback.threadSafe(
                    options(), CallbackType.of(OnStructs.class).descriptor(Structs.ON_STRUCTS), handler, null));
            Values.structs(callback.pointer(), true);
            assertThat(read).containsExactly(-7, "two", 99);
            assertThat(kept).hasSize(2).noneMatch(segment -> segment.scope().isAlive());
        }

        @Test
        void aWaitIsDeafToInterruptsOfTheCaller() throws Exception {
            CountDownLatch until = new CountDownLatch(1);
            AtomicReference<Thread> caller = new AtomicReference<>();
            NativeCallback<EchoLong> inner = threadSafe(a, EchoLong.class, value -> value + 1);
            NativeCallback<EchoLong> direct = closing(NativeCallback.direct(EchoLong.class, value -> {
                caller.set(Thread.currentThread());
                return Values.askLong(inner.pointer(), value, false);
            }));
            occupy(a, until);
            FutureTask<Void> calls = start(
                    () -> assertThat(Values.askLong(direct.pointer(), 1, true)).isEqualTo(2));
            await().until(() -> caller.get() != null && caller.get().getState() == Thread.State.TIMED_WAITING);
            caller.get().interrupt();
            until.countDown();
            get(calls);
        }
    }

    @Nested
    class RefAndUnref {

        private final NativeCallback<OnEvent> callback =
                closing(NativeCallback.synchronous(a, OnEvent.class, (thread, sequence, id) -> {}));

        @Test
        void threadSafeEqualsSynchronousPlusOneRef() {
            assertThat(callback.refCount()).isZero();
            assertThat(threadSafe(a, OnEvent.class, (thread, sequence, id) -> {})
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
                    closing(NativeCallback.direct(OnEvent.class, (thread, sequence, id) -> {}));
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
            NativeCallback<EchoLong> callback = threadSafe(a, EchoLong.class, value -> value + 1);
            assertThat(callback.unref()).isZero();
            awaitParked(a);
            assertThat(askOnce(callback.pointer())).isEqualTo(6);
        }
    }

    @Nested
    class Synchronous {

        private final AtomicInteger handled = new AtomicInteger();
        private final NativeCallback<EchoLong> callback =
                closing(NativeCallback.synchronous(a, EchoLong.class, value -> {
                    handled.incrementAndGet();
                    return value + 1;
                }));

        @Test
        void neverRefdItDoesNotWakeAParkedSchedulerAndIsHandledAtItsNextTurn() throws Exception {
            awaitParked(a);
            FutureTask<Void> call =
                    start(() -> assertThat(askOnce(callback.pointer())).isEqualTo(6));
            await().during(Duration.ofMillis(200)).until(() -> handled.get() == 0);
            assertThat(a.thread().getState()).isEqualTo(Thread.State.WAITING);
            a.schedule(() -> {});
            get(call);
            assertThat(handled).hasValue(1);
        }

        @Test
        void withoutATurnItsLimitEndsTheWait() throws Exception {
            NativeCallback<OnAsk> brief = closing(NativeCallback.synchronous(
                    options().answerWithin(Duration.ofMillis(100)).onError(e -> {}),
                    CallbackType.of(OnAsk.class),
                    (thread, sequence, id) -> sequence + id,
                    (thread, sequence, id) -> FALLBACK));
            awaitParked(a);
            try (Source source = Source.asking(brief.pointer(), 1, FALLBACK).start(1, 1, 0)) {
                source.await();
                assertThat(source.fallbackAnswers()).isEqualTo(1);
            }
        }

        @Test
        void itsFirstRefMakesItThreadSafeForGoodAndUnrefDoesNotUndoThat() throws Exception {
            callback.ref();
            callback.unref();
            awaitParked(a);
            assertThat(askOnce(callback.pointer())).isEqualTo(6);
        }

        @Test
        void refUnrefRefWorks() throws Exception {
            assertThat(List.of(callback.ref(), callback.unref(), callback.ref()))
                    .containsExactly(1, 0, 1);
            awaitParked(a);
            assertThat(askOnce(callback.pointer())).isEqualTo(6);
        }

        @Test
        void theFirstRefWakesTheSchedulerForCallersThatWaitAlready() throws Exception {
            awaitParked(a);
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
            NativeCallback<EchoLong> callback = threadSafe(a, EchoLong.class, value -> value + 1);
            assertThat(askOnce(callback.pointer())).isEqualTo(6);
            awaitParked(a);
            long before = cpu();
            long wakeUps = a.loop().wakeUps();
            await().during(Duration.ofSeconds(1)).untilAsserted(() -> {
                assertThat(cpu() - before).isLessThan(TimeUnit.MILLISECONDS.toNanos(5));
                assertThat(a.loop().wakeUps()).isEqualTo(wakeUps);
            });
        }

        private long cpu() {
            var threads = ManagementFactory.getThreadMXBean();
            return Thread.getAllStackTraces().keySet().stream()
                    .filter(thread ->
                            thread.equals(a.thread()) || thread.getName().startsWith("reactor-ffi"))
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
            NativeCallback<OnEvent> callback = threadSafe(a, OnEvent.class, (thread, sequence, mark) -> {
                Fixture.mark(1);
                a.schedule(() -> {
                    Fixture.mark(3);
                    ran.countDown();
                });
            });
            get(on(a, () -> {
                Calls.traced(callback.pointer(), 3, 2, false);
                return null;
            }));
            assertThat(ran.await(10, TimeUnit.SECONDS)).isTrue();
            assertThat(Fixture.trace()).containsExactly(1, 2, 1, 2, 1, 2, 3, 3, 3);
        }

        /** The work waits until native code has gone on: did native code wait for the work, neither would. */
        @Test
        void workThatTheHandlerScheduledNeverDelaysANativeThread() throws Exception {
            AtomicInteger works = new AtomicInteger();
            NativeCallback<OnEvent> callback = threadSafe(a, OnEvent.class, (thread, sequence, mark) -> {
                Fixture.mark(1);
                a.schedule(() -> {
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
            LoopScheduler patient =
                    LoopScheduler.create(SchedulerOptions.named("patient").warnAfter(Duration.ofHours(1)));
            AtomicReference<Thread> caller = new AtomicReference<>();
            CountDownLatch resumed = new CountDownLatch(1);
            CountDownLatch worked = new CountDownLatch(1);
            NativeCallback<EchoLong> answered = closing(NativeCallback.threadSafe(
                    options().on(patient).answerWithin(Duration.ofHours(1)),
                    CallbackType.of(EchoLong.class),
                    value -> {
                        await().until(() -> caller.get().getState() == Thread.State.TIMED_WAITING);
                        patient.schedule(() -> {
                            isBusyUntil(resumed);
                            worked.countDown();
                        });
                        return value + 1;
                    },
                    null));
            NativeCallback<EchoLong> entry = closing(NativeCallback.direct(EchoLong.class, value -> {
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
            patient.dispose();
        }

        /** Each caller gets control back when its own handler returns, not when those of the others have. */
        @Test
        void norDoTheHandlersOfCallersThatQueuedBehindIt() throws Exception {
            CountDownLatch until = new CountDownLatch(1);
            CountDownLatch firstIsBack = new CountDownLatch(1);
            NativeCallback<EchoLong> first = threadSafe(a, EchoLong.class, value -> value + 1);
            NativeCallback<EchoLong> second = threadSafe(a, EchoLong.class, value -> {
                isBusyUntil(firstIsBack);
                return value + 2;
            });
            occupy(a, until);
            FutureTask<Void> one = start(() -> {
                assertThat(askOnce(first.pointer())).isEqualTo(6);
                firstIsBack.countDown();
            });
            await().until(() -> waiting("Answers.handOver") == 1);
            FutureTask<Void> two =
                    start(() -> assertThat(askOnce(second.pointer())).isEqualTo(7));
            await().until(() -> waiting("Answers.handOver") == 2);
            until.countDown();
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
            CountDownLatch until = new CountDownLatch(1);
            AtomicBoolean ran = new AtomicBoolean();
            CallbackOptions options = options();
            NativeCallback<OnAsk> callback = asking(options, (thread, sequence, id) -> {
                ran.set(true);
                return 0;
            });
            occupy(a, until);
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(4, 1, 0)) {
                await().until(() -> source.calls() == 4);
                long from = System.nanoTime();
                callback.close();
                source.await();
                assertThat(System.nanoTime() - from).isLessThan(TimeUnit.SECONDS.toNanos(5));
                assertThat(source.fallbackAnswers()).isEqualTo(4);
                callback.closed().block(Duration.ofSeconds(5));
            } finally {
                until.countDown();
            }
            get(on(a, () -> null));
            assertThat(ran).isFalse();
            CallbackMetrics metrics = CallbackMetrics.of(options.name());
            assertThat(metrics.refusedCalls() + metrics.lateCalls()).isEqualTo(4);
        }

        @Test
        void laterCallersGetTheFallbackAndAreCounted() throws Exception {
            CallbackOptions options = options();
            NativeCallback<OnAsk> callback = asking(options, (thread, sequence, id) -> 0);
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
            NativeCallback<EchoLong> callback = closing(NativeCallback.threadSafe(
                    CallbackOptions.defaults().on(a),
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
            NativeCallback<EchoLong> callback = threadSafe(a, EchoLong.class, value -> {
                inside.countDown();
                isBusyUntil(until);
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
            NativeCallback<EchoLong> callback = threadSafe(a, EchoLong.class, value -> {
                inside.countDown();
                isBusyUntil(until);
                return value + 1;
            });
            FutureTask<Void> call =
                    start(() -> assertThat(askOnce(callback.pointer())).isEqualTo(6));
            inside.await();
            callback.closed().subscribe(null, null, () -> completed.set(true));
            callback.release();
            NativeCallback<EchoLong> next = threadSafe(b, EchoLong.class, value -> value + 2);
            await().during(Duration.ofMillis(100)).untilFalse(completed);
            assertThat(askOnce(next.pointer())).isEqualTo(7);
            until.countDown();
            get(call);
            await().untilTrue(completed);
            assertThat(threadSafe(b, EchoLong.class, value -> value).pointer())
                    .as("its slot is free now")
                    .isEqualTo(callback.pointer());
        }

        @Test
        void aSecondCloseDoesNothing() {
            NativeCallback<EchoLong> callback = threadSafe(a, EchoLong.class, value -> value + 1);
            callback.close();
            assertThatCode(() -> {
                        callback.close();
                        callback.release();
                        callback.closed().block(Duration.ofSeconds(10));
                        callback.close();
                    })
                    .doesNotThrowAnyException();
            NativeCallback<EchoLong> next = threadSafe(a, EchoLong.class, value -> value + 2);
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
                        NativeCallback.threadSafe(a, OnForgotten.class, value -> value + 1);
                callback.close();
                callback.closed().block(Duration.ofSeconds(10));
                assertThat(log.text()).doesNotContain(REPORT);
            }
        }

        private MemorySegment forgotten() {
            NativeCallback<OnForgotten> callback = NativeCallback.threadSafe(a, OnForgotten.class, value -> value + 1);
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
            return asking(options.answerWithin(Duration.ofMillis(100)), (thread, sequence, id) -> {
                handled.incrementAndGet();
                return sequence + id;
            });
        }

        @Test
        void passedItMeansTheFallbackAndAnErrorAndTheHandlerNeverRunsForACallerThatHasGone() throws Exception {
            CountDownLatch until = new CountDownLatch(1);
            CallbackOptions options = options().onError(errors::add);
            NativeCallback<OnAsk> callback = brief(options);
            occupy(a, until);
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(2, 1, 0)) {
                source.await();
                assertThat(source.fallbackAnswers()).isEqualTo(2);
            }
            until.countDown();
            get(on(a, () -> null));
            assertThat(handled).hasValue(0);
            assertThat(errors)
                    .hasSize(2)
                    .allSatisfy(error -> assertThat(error)
                            .isInstanceOf(TimeoutException.class)
                            .hasMessageContaining(options.name())
                            .hasMessageContaining("CallbackScheduler(A)")
                            .hasMessageContaining("100 ms"));
            assertThat(CallbackMetrics.of(options.name()).refusedCalls()).isEqualTo(2);
        }

        @Test
        void onceItHasPassedOthersAreRefusedAtOnceUntilTheTurnMoves() throws Exception {
            CountDownLatch until = new CountDownLatch(1);
            LoopScheduler watched =
                    LoopScheduler.create(SchedulerOptions.named("watched").warnAfter(Duration.ofMillis(50)));
            CallbackOptions options = options().on(watched).onError(errors::add);
            NativeCallback<OnAsk> callback = brief(options);
            try (CapturedLog log = CapturedLog.start()) {
                occupy(watched, until); // as a native call would that waits for the source, without callBlocking
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

            until.countDown();
            get(on(watched, () -> null));
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(1, 10, 0)) {
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(10);
            }
            callback.close();
            watched.dispose();
        }

        @Test
        void aCallerThatHasALongerOneStillWaitsForItsOwn() throws Exception {
            CountDownLatch until = new CountDownLatch(1);
            NativeCallback<OnAsk> impatient = brief(options().onError(errors::add));
            NativeCallback<OnAsk> patient =
                    asking(options().answerWithin(Duration.ofMinutes(1)), (thread, sequence, id) -> sequence + id);
            occupy(a, until);
            try (Source source = Source.asking(impatient.pointer(), 1, FALLBACK).start(1, 2, 0)) {
                source.await();
            }
            assertThat(errors).hasSize(2).last().isInstanceOf(RejectedExecutionException.class);
            try (Source source = Source.asking(patient.pointer(), 1, FALLBACK).start(1, 1, 0)) {
                await().until(() -> source.calls() == 1);
                until.countDown();
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(1);
            }
        }

        @Test
        void itMayBeWithoutEnd() throws Exception {
            CountDownLatch until = new CountDownLatch(1);
            NativeCallback<OnAsk> callback = asking(
                    options().answerWithin(ChronoUnit.FOREVER.getDuration()), (thread, sequence, id) -> sequence + id);
            occupy(a, until);
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(1, 1, 0)) {
                await().until(() -> source.calls() == 1);
                until.countDown();
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(1);
            }
        }

        @Test
        void withoutAHandlerOfItsOwnTheErrorGoesToOnErrorDropped() throws Exception {
            CountDownLatch until = new CountDownLatch(1);
            Hooks.onErrorDropped(errors::add);
            NativeCallback<OnAsk> callback = brief(options());
            occupy(a, until);
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(1, 1, 0)) {
                source.await();
            } finally {
                until.countDown();
                Hooks.resetOnErrorDropped();
            }
            assertThat(errors).singleElement().isInstanceOf(TimeoutException.class);
        }

        @Test
        void onceTheHandlerHasStartedTheCallerWaitsForIt() throws Exception {
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch until = new CountDownLatch(1);
            NativeCallback<OnAsk> callback =
                    asking(options().answerWithin(Duration.ofMillis(100)), (thread, sequence, id) -> {
                        inside.countDown();
                        isBusyUntil(until);
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
            LoopScheduler narrow =
                    LoopScheduler.create(SchedulerOptions.named("narrow").maxCallers(2));
            CountDownLatch until = new CountDownLatch(1);
            NativeCallback<OnAsk> callback = asking(
                    CallbackOptions.named("too-many").on(narrow).onError(errors::add),
                    (thread, sequence, id) -> sequence + id);
            occupy(narrow, until);
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(3, 1, 0)) {
                await().until(() -> source.fallbackAnswers() == 1);
                until.countDown();
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(2);
            }
            assertThat(errors)
                    .singleElement()
                    .satisfies(error -> assertThat(error)
                            .isInstanceOf(RejectedExecutionException.class)
                            .hasMessageContaining("maxCallers"));
            narrow.dispose();
        }

        @Test
        void aDisposedSchedulerRefusesARefAndAThreadSafeCallback() {
            LoopScheduler gone = LoopScheduler.create(SchedulerOptions.named("gone"));
            NativeCallback<EchoSegment> before = NativeCallback.threadSafe(gone, EchoSegment.class, it -> it);
            made.add(before);
            int stubs = PoolMetrics.now().stubs();
            gone.dispose();
            gone.disposeGracefully().block(Duration.ofSeconds(10));
            assertThat(before.refCount()).as("the end has taken it").isZero();
            assertThat(before.unref()).isZero();
            assertThatExceptionOfType(RejectedExecutionException.class)
                    .isThrownBy(before::ref)
                    .withMessageContaining("CallbackScheduler(gone) is disposed");
            for (int i = 0; i < 3; i++) {
                assertThatExceptionOfType(RejectedExecutionException.class)
                        .isThrownBy(() -> NativeCallback.threadSafe(gone, EchoSegment.class, it -> it))
                        .withMessageContaining("CallbackScheduler(gone) is disposed");
            }
            assertThat(PoolMetrics.now().stubs()).as("no pointer was made").isLessThanOrEqualTo(stubs);
        }

        @Test
        void aThreadSafeCallbackThatDoesNotKeepTheJvmAliveWakesItsSchedulerWithoutARef() {
            NativeCallback<EchoSegment> callback = NativeCallback.threadSafe(
                    CallbackOptions.named("no-ref").on(a).keepAlive(false),
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
            LoopScheduler gone = LoopScheduler.create(SchedulerOptions.named("gone"));
            NativeCallback<OnAsk> callback = asking(
                    CallbackOptions.named("gone").on(gone).onError(errors::add),
                    (thread, sequence, id) -> sequence + id);
            CountDownLatch until = new CountDownLatch(1);
            occupy(gone, until);
            try (Source source = Source.asking(callback.pointer(), 1, FALLBACK).start(2, 1, 0)) {
                await().until(() -> source.calls() == 2);
                gone.dispose();
                until.countDown();
                source.await();
                assertThat(source.fallbackAnswers() + source.rightAnswers()).isEqualTo(2);
            }
            CallbackOptions later = CallbackOptions.named("gone-" + NAMES.incrementAndGet());
            NativeCallback<OnAsk> madeLater = NativeCallback.synchronous(
                    later.on(gone).onError(errors::add),
                    CallbackType.of(OnAsk.class),
                    (thread, sequence, id) -> sequence + id,
                    (thread, sequence, id) -> FALLBACK);
            made.add(madeLater);
            gone.disposeGracefully().block(Duration.ofSeconds(10));
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
            LoopScheduler watched =
                    LoopScheduler.create(SchedulerOptions.named("watched").warnAfter(Duration.ofMillis(50)));
            CountDownLatch until = new CountDownLatch(1);
            NativeCallback<OnAsk> callback =
                    asking(CallbackOptions.named("waits").on(watched), (thread, sequence, id) -> sequence + id);
            occupy(watched, until);
            try (CapturedLog log = new CapturedLog();
                    Source source =
                            Source.asking(callback.pointer(), 1, FALLBACK).start(1, 1, 0)) {
                await().until(() -> log.text().contains("the scheduler's thread: "));
                assertThat(log.text())
                        .contains("waits for its turn", "CallbackScheduler(watched)", "who waits: ", "(native-")
                        .contains("internal.call.Answers.handOver", "isBusyUntil");
                await().during(Duration.ofMillis(150)).until(() -> log.count("waits for its turn") == 1);
                until.countDown();
                source.await();
                assertThat(source.rightAnswers()).isEqualTo(1);
            } finally {
                until.countDown();
                watched.dispose();
            }
        }

        @Test
        void aLongWaitForALentTurnIsLoggedToo() throws Exception {
            LoopScheduler watched =
                    LoopScheduler.create(SchedulerOptions.named("watched").warnAfter(Duration.ofMillis(50)));
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch until = new CountDownLatch(1);
            NativeCallback<EchoLong> busy = threadSafe(watched, EchoLong.class, value -> {
                inside.countDown();
                isBusyUntil(until);
                return value + 1;
            });
            NativeCallback<OnAsk> callback =
                    asking(CallbackOptions.named("waits").on(watched), (thread, sequence, id) -> sequence + id);
            try (CapturedLog log = new CapturedLog()) {
                FutureTask<Long> lend =
                        on(watched, () -> watched.callBlocking(() -> Values.askLong(busy.pointer(), 1, true)));
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
                watched.dispose();
            }
        }
    }

    @Nested
    class Hot {

        /** In rounds, of which one has to be hot: now and then the machine gives a core to somebody else. */
        @Test
        void theHandOverSpinsBrieflyBeforeItParksOnBothSides() throws Exception {
            assumeTrue(Runtime.getRuntime().availableProcessors() > 1, "with one core it never spins");
            LoopScheduler hot =
                    LoopScheduler.create(SchedulerOptions.named("hot").spin(Duration.ofMillis(10)));
            int calls = 100;
            FutureTask<Void> rounds = start(() -> await().atMost(Duration.ofSeconds(40))
                    .pollInterval(Duration.ofMillis(1))
                    .until(() -> {
                        AtomicInteger slept = new AtomicInteger();
                        long wakeUps = hot.loop().wakeUps();
                        for (int i = 0; i < calls; i++) {
                            hot.callers().call(new Counted(slept), TimeUnit.SECONDS.toNanos(10), true);
                        }
                        return slept.get() < calls / 4 && hot.loop().wakeUps() - wakeUps < calls / 4;
                    }));
            rounds.get();
            hot.dispose();
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
