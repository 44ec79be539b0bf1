package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestCallbacks.FALLBACK;
import static reactor.ffi.fixture.TestCallbacks.askOnce;
import static reactor.ffi.fixture.TestCallbacks.start;
import static reactor.ffi.fixture.TestScheduler.get;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Hooks;
import reactor.ffi.fixture.Callbacks.EchoLong;
import reactor.ffi.fixture.Callbacks.EchoSegment;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.CapturedLog;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestCallbacks;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.fixture.Values;
import reactor.ffi.internal.loop.TurnCall;

/** The statements on how long the caller of an answered callback waits, and what it gets then. */
@Timeout(60)
class NativeCallbackWaitTest {

    @RegisterExtension
    final TestScheduler a = new TestScheduler("A");

    @RegisterExtension
    final TestScheduler b = new TestScheduler("B");

    private final TestCallbacks onA = new TestCallbacks(a);

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
