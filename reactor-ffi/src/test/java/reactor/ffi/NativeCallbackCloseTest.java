package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.awaitility.Awaitility.await;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestCallbacks.FALLBACK;
import static reactor.ffi.fixture.TestCallbacks.askOnce;
import static reactor.ffi.fixture.TestCallbacks.start;
import static reactor.ffi.fixture.TestScheduler.get;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.ffi.fixture.Callbacks.EchoLong;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.CapturedLog;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestCallbacks;
import reactor.ffi.fixture.TestScheduler;

/** The statements on the end of an answered callback. */
@Timeout(60)
class NativeCallbackCloseTest {

    @RegisterExtension
    final TestScheduler a = new TestScheduler("A");

    @RegisterExtension
    final TestScheduler b = new TestScheduler("B");

    private final TestCallbacks onA = new TestCallbacks(a);
    private final TestCallbacks onB = new TestCallbacks(b);

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
}
