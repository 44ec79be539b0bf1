package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.awaitility.Awaitility.await;
import static reactor.ffi.fixture.Latches.awaitLatch;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Mono;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.CapturedLog;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.internal.life.Tokens;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.test.StepVerifier;

/** The statements on the end of confined values. */
@Timeout(60)
class ConfinedEndTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("confined");

    private final CallbackScheduler scheduler = loop.scheduler;
    private final List<Throwable> reported = new CopyOnWriteArrayList<>();
    private final CallbackOptions options =
            CallbackOptions.named("confined-test").on(scheduler).onError(reported::add);

    private Confined<ConfinedTest.Log> log() {
        return Confined.create(options, () -> new ConfinedTest.Log(scheduler), ConfinedTest.Log::release);
    }

    private <T, R> R ask(Confined<T> confined, Confined.Query<T, R> query) {
        return confined.<R>call(query).block(Duration.ofSeconds(10));
    }

    private Thread thread() {
        return ((LoopScheduler) scheduler).thread();
    }

    /** Holds the scheduler's thread up. */
    private CountDownLatch busy() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        scheduler.schedule(() -> {
            begun.countDown();
            awaitLatch(end);
        });
        awaitLatch(begun);
        return end;
    }

    @Nested
    class TheLastClose {

        @Test
        void releasesTheValueOnceOnTheSchedulersThreadAfterAllThatWasSentBefore() throws Exception {
            Confined<ConfinedTest.Log> first = log();
            ConfinedTest.Log log = ask(first, value -> value);
            Confined<ConfinedTest.Log> second = first.share();
            CountDownLatch end = busy();
            for (int i = 0; i < 1_000; i++) {
                first.send(value -> value.add("first"));
                second.send(value -> value.add("second"));
            }
            first.close();
            first.close();
            second.send(value -> value.add("last"));
            second.close();
            assertThat(log.released).hasValue(0);
            end.countDown();
            await().untilAsserted(() -> assertThat(log.released).hasValue(1));
            assertThat(log.entries).hasSize(2_001).last().isEqualTo("last");
            assertThat(log.releasedOn).isSameAs(thread());
            assertThat(log.misused).hasValue(0);
        }

        @Test
        void isNotTheFirstOfTwo() {
            Confined<ConfinedTest.Log> first = log();
            ConfinedTest.Log log = ask(first, value -> value);
            Confined<ConfinedTest.Log> second = first.share();
            first.close();
            first.close(); // counts once
            assertThat(ask(second, ConfinedTest.Log::size)).isZero();
            assertThat(log.released).hasValue(0);
            second.close();
            await().untilAsserted(() -> assertThat(log.released).hasValue(1));
        }

        @Test
        void mayComeFromAClosure() {
            Confined<ConfinedTest.Log> confined = log();
            ConfinedTest.Log log = ask(confined, value -> value);
            confined.send(value -> {
                confined.close();
                value.add("still there");
            });
            await().untilAsserted(() -> assertThat(log.released).hasValue(1));
            assertThat(log.misused).hasValue(0);
        }

        @Test
        void refusesWhatComesLaterOnThatHandle() {
            Confined<ConfinedTest.Log> closed = log();
            Confined<ConfinedTest.Log> open = closed.share();
            Mono<Integer> asked = closed.call(ConfinedTest.Log::size);
            closed.close();
            assertThatIllegalStateException()
                    .isThrownBy(() -> closed.send(ConfinedTest.Log::release))
                    .withMessageContaining("this handle of confined-test is closed")
                    .withMessageContaining("share() it before");
            assertThatIllegalStateException().isThrownBy(closed::share);
            StepVerifier.create(asked)
                    .expectErrorSatisfies(e -> assertThat(e)
                            .isInstanceOf(IllegalStateException.class)
                            .hasMessageContaining("is closed"))
                    .verify(Duration.ofSeconds(10));
            assertThat(ask(open, ConfinedTest.Log::size)).isZero();
            assertThat(closed).hasToString("Confined[confined-test, closed]");
            assertThat(open).hasToString("Confined[confined-test]");
            open.close();
        }

        @Test
        void aReleaseThatThrowsIsReported() {
            IllegalStateException failure = new IllegalStateException("broken release");
            Confined<String> confined = Confined.create(options, () -> "", value -> {
                throw failure;
            });
            confined.close();
            await().untilAsserted(() -> assertThat(reported).containsExactly(failure));
            scheduler.disposeGracefully().block(Duration.ofSeconds(10));
        }

        /** A handle shared by native threads, closed under their hands: what was taken runs, before the release. */
        @Test
        void racesWithSendersAndNoneReachesTheValueAfterIt() {
            for (int round = 0; round < 150; round++) {
                Confined<ConfinedTest.Log> confined = log();
                ConfinedTest.Log log = ask(confined, value -> value);
                AtomicInteger taken = new AtomicInteger();
                AtomicInteger refused = new AtomicInteger();
                AtomicBoolean closed = new AtomicBoolean();
                int closeAt = round % 100;
                try (NativeCallback<OnEvent> sending = NativeCallback.direct(OnEvent.class, (thread, sequence, id) -> {
                    try {
                        confined.send(value -> value.add(""));
                        taken.incrementAndGet();
                    } catch (IllegalStateException _) {
                        refused.incrementAndGet();
                    }
                    if (sequence == closeAt && closed.compareAndSet(false, true)) {
                        confined.close();
                    }
                })) {
                    Calls.fromThreads(sending.pointer(), 3, 100, 0);
                }
                await().pollInterval(Duration.ofMillis(1))
                        .untilAsserted(() -> assertThat(log.released).hasValue(1));
                assertThat(log.entries).hasSize(taken.get());
                assertThat(taken.get() + refused.get()).isEqualTo(300);
                assertThat(log.misused).hasValue(0);
            }
            assertThat(reported).isEmpty();
        }

        /** A million sends of threads with a handle each, which close in a race: none is lost, none comes too late. */
        @Test
        void ofAMillionSendsComesAfterAll() throws Exception {
            int rounds = 1_000;
            AtomicLong ran = new AtomicLong();
            AtomicInteger misused = new AtomicInteger();
            AtomicInteger released = new AtomicInteger();
            List<Confined<boolean[]>> handles = new CopyOnWriteArrayList<>();
            try (NativeCallback<OnEvent> sending = NativeCallback.direct(OnEvent.class, (thread, sequence, id) -> {
                Confined<boolean[]> mine = handles.get(thread);
                mine.send(value -> {
                    if (value[0]) {
                        misused.incrementAndGet();
                    }
                    ran.incrementAndGet();
                });
                if (sequence == 249) {
                    mine.close();
                }
            })) {
                for (int round = 0; round < rounds; round++) {
                    Confined<boolean[]> first = Confined.create(options, () -> new boolean[1], value -> {
                        value[0] = true;
                        released.incrementAndGet();
                    });
                    handles.clear();
                    handles.addAll(List.of(first, first.share(), first.share(), first.share()));
                    Calls.fromThreads(sending.pointer(), 4, 250, 0);
                }
            }
            await().untilAsserted(() -> assertThat(released).hasValue(rounds));
            assertThat(ran).hasValue(1_000_000);
            assertThat(misused).hasValue(0);
            assertThat(reported).isEmpty();
        }
    }

    @Nested
    class AnOwnerThatIsCollected {

        @Test
        void isReportedAndCountsAsClosed() {
            AtomicInteger released = new AtomicInteger();
            try (CapturedLog log = CapturedLog.start()) {
                forget(released);
                await().until(() -> {
                    System.gc();
                    return released.get() == 1;
                });
                assertThat(log.text())
                        .containsOnlyOnce("a handle of forgotten was collected without close(); it counts as closed")
                        .contains("made here", "ConfinedEndTest$AnOwnerThatIsCollected.forget");
            }
        }

        private void forget(AtomicInteger released) {
            Confined<String> confined = Confined.create(
                    CallbackOptions.named("forgotten").on(scheduler), () -> "", v -> released.incrementAndGet());
            Confined<String> clone = confined.share();
            clone.send(value -> {});
            confined.close(); // only the clone is forgotten
        }

        @Test
        void isNotOneWhoseMonoIsStillThere() {
            AtomicInteger released = new AtomicInteger();
            List<Mono<Integer>> asking = new ArrayList<>();
            asking.add(Confined.create(options, () -> "four", v -> released.incrementAndGet())
                    .call(String::length));
            for (int i = 0; i < 5; i++) {
                System.gc();
                assertThat(asking.get(0).block()).isEqualTo(4);
            }
            try (CapturedLog log = CapturedLog.start()) {
                asking.clear();
                await().until(() -> {
                    System.gc();
                    return released.get() == 1;
                });
                assertThat(log.text()).contains("collected without close()");
            }
        }
    }

    @Nested
    class ASchedulerThatIsDisposed {

        @Test
        void releasesTheValueAfterAllThatWasSentBefore() throws Exception {
            Confined<ConfinedTest.Log> confined = log();
            ConfinedTest.Log log = ask(confined, value -> value);
            CountDownLatch end = busy();
            for (int i = 0; i < 1_000; i++) {
                confined.send(value -> value.add(""));
            }
            scheduler.dispose();
            assertThatIllegalStateException()
                    .isThrownBy(() -> confined.send(value -> value.add("too late")))
                    .withMessageContaining("or its scheduler disposed");
            end.countDown();
            scheduler.disposeGracefully().block(Duration.ofSeconds(10));
            assertThat(log.entries).hasSize(1_000);
            assertThat(log.released).hasValue(1);
            assertThat(log.releasedOn).isSameAs(thread());
            StepVerifier.create(confined.call(ConfinedTest.Log::size)).verifyError(IllegalStateException.class);
            confined.close();
            assertThat(log.released).hasValue(1);
        }

        @Test
        void releasesAValueWhoseClosuresSendMoreWithoutEnd() {
            Confined<ConfinedTest.Log> confined = log();
            ConfinedTest.Log log = ask(confined, value -> value);
            AtomicReference<Confined.Action<ConfinedTest.Log>> again = new AtomicReference<>();
            again.set(value -> confined.send(again.get()));
            confined.send(again.get());
            scheduler.disposeGracefully().block(Duration.ofSeconds(10));
            assertThat(log.released).hasValue(1);
        }

        @Test
        void racesWithSendersAndLosesNone() {
            for (int round = 0; round < 200; round++) {
                CallbackScheduler own = CallbackScheduler.create("confined-race");
                AtomicInteger taken = new AtomicInteger();
                AtomicInteger ended = new AtomicInteger();
                Confined<String> confined = Confined.of(own, "", value -> {});
                try (NativeCallback<OnEvent> asking = NativeCallback.direct(OnEvent.class, (thread, sequence, id) -> {
                    if (sequence == 20) {
                        own.dispose();
                    }
                    taken.incrementAndGet();
                    confined.call(value -> value)
                            .subscribe(value -> ended.incrementAndGet(), error -> ended.incrementAndGet());
                })) {
                    Calls.fromThreads(asking.pointer(), 3, 40, 0);
                }
                own.disposeGracefully().block(Duration.ofSeconds(10));
                assertThat(ended).hasValue(taken.get());
            }
        }

        @Test
        void takesNoNewValueWhichThenKeepsNothingAlive() {
            scheduler.disposeGracefully().block(Duration.ofSeconds(10));
            long before = Tokens.out();
            assertThatExceptionOfType(RejectedExecutionException.class)
                    .isThrownBy(ConfinedEndTest.this::log)
                    .withMessageContaining("confined-test cannot be made");
            assertThat(Tokens.out()).isLessThanOrEqualTo(before);
        }
    }
}
