package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.ffi.NativeSignals.Signal;
import reactor.ffi.fixture.Signaller;
import reactor.ffi.fixture.TestScheduler;
import reactor.test.StepVerifier;

/**
 * The statements on signals. In this JVM, so with signals whose default is to be ignored, where one could come when nobody holds it:
 * URG and WINCH. What ends a JVM is in {@link NativeSignalsIT}.
 */
@Timeout(60)
class NativeSignalsTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("signals");

    private final CallbackOptions options = loop.options;

    @Nested
    class ASignal {

        @ParameterizedTest
        @ValueSource(strings = {"USR1", "HUP", "URG", "WINCH", "ALRM"})
        void arrivesOnTheScheduler(String name) throws Exception {
            List<Thread> threads = new CopyOnWriteArrayList<>();
            List<Signal> signals = new CopyOnWriteArrayList<>();
            Disposable subscription = NativeSignals.on(options, name)
                    .doOnNext(signal -> threads.add(Thread.currentThread()))
                    .subscribe(signals::add);
            assumeFalse(Signaller.isIgnored(name), name + " is ignored here");
            Signaller.kill(name);
            await().untilAsserted(() -> assertThat(signals).hasSize(1));
            Signaller.kill(name);
            await().untilAsserted(
                            () -> assertThat(signals).hasSize(2)); // so nothing is under way when it is given back
            subscription.dispose();
            assertThat(signals).extracting(Signal::name).containsOnly(name);
            assertThat(signals).extracting(Signal::count).containsExactly(1L, 2L);
            assertThat(signals.get(0).number()).isPositive();
            assertThat(threads).containsOnly(loop.scheduler.thread());
        }

        @Test
        void ofSeveralNamesSaysWhichItIsAndCountsForItself() throws Exception {
            List<Signal> signals = new CopyOnWriteArrayList<>();
            Disposable subscription =
                    NativeSignals.on(options, "URG", "WINCH", "URG").subscribe(signals::add);
            for (String name : List.of("URG", "WINCH", "WINCH", "URG")) {
                int before = signals.size();
                Signaller.kill(name);
                await().until(() -> signals.size() > before);
            }
            assertThat(signals)
                    .extracting(signal -> signal.name() + signal.count())
                    .containsExactly("URG1", "WINCH1", "WINCH2", "URG2"); // named twice, it comes once
            subscription.dispose();
        }

        @Test
        void reachesAllItsSubscribers() throws Exception {
            List<Signal> first = new CopyOnWriteArrayList<>();
            List<Signal> second = new CopyOnWriteArrayList<>();
            Disposable one = NativeSignals.on(options, "URG").subscribe(first::add);
            Signaller.kill("URG");
            await().until(() -> first.size() == 1);
            Disposable two = NativeSignals.on("URG").subscribe(second::add);
            Signaller.kill("URG");
            await().until(() -> first.size() == 2 && second.size() == 1);
            one.dispose();
            await().until(one::isDisposed);
            Signaller.kill("URG");
            await().until(() -> second.size() == 2);
            two.dispose();
            assertThat(second).extracting(Signal::count).containsExactly(2L, 3L); // since it was taken over
            assertThat(first.size()).isBetween(2, 3);
        }

        @Test
        void coalescesWithOthersAndItsCountSaysHowManyCame() throws Exception {
            List<Signal> signals = new CopyOnWriteArrayList<>();
            Disposable subscription = NativeSignals.on(options.overflow(Overflow.unbounded()), "URG")
                    .subscribe(signals::add);
            Signaller.kill("URG", 1_000);
            await().during(Duration.ofMillis(300)).until(() -> !signals.isEmpty());
            subscription.dispose();
            assertThat(signals.size()).isBetween(1, 1_000);
            assertThat(signals).extracting(Signal::count).isSorted().doesNotHaveDuplicates();
            assertThat(signals.get(signals.size() - 1).count()).isEqualTo(signals.size());
        }

        @Test
        void thatTheQueueHasDroppedIsStillCounted() throws Exception {
            List<Signal> signals = new CopyOnWriteArrayList<>();
            StepVerifier.create(NativeSignals.on(options.overflow(Overflow.latest()), "URG"), 0)
                    .then(() -> await().until(() -> {
                        Signaller.kill("URG");
                        return loop.metrics().discarded() >= 3;
                    }))
                    .thenRequest(1)
                    .assertNext(signals::add)
                    .thenCancel()
                    .verify(Duration.ofSeconds(20));
            assertThat(signals.get(0).count()).isGreaterThanOrEqualTo(4);
        }
    }

    @Nested
    class TheHandlerBefore {

        @Test
        void isReplacedByTheFirstSubscriptionAndPutBackByTheLastCancellation() throws Exception {
            List<String> heard = new CopyOnWriteArrayList<>();
            Object before = Signaller.install("URG", Signaller.handler(heard::add));
            try {
                List<Signal> signals = new CopyOnWriteArrayList<>();
                Disposable one = NativeSignals.on(options, "URG").subscribe(signals::add);
                Disposable two = NativeSignals.on(options, "URG").subscribe();
                Signaller.kill("URG");
                await().until(() -> signals.size() == 1);
                two.dispose();
                Signaller.kill("URG");
                await().until(() -> signals.size() == 2);
                assertThat(heard).isEmpty();
                one.dispose();
                await().until(() -> {
                    Signaller.kill("URG");
                    return !heard.isEmpty();
                });
                assertThat(heard).containsOnly("SIGURG");
            } finally {
                Object _ = Signaller.install("URG", before);
            }
        }

        @Test
        void isPutBackWhenAnotherNameIsRefused() throws Exception {
            StepVerifier.create(NativeSignals.on(options, "WINCH", "KILL"))
                    .expectError(IllegalArgumentException.class)
                    .verify(Duration.ofSeconds(10));
            Object left = Signaller.install("WINCH", Signaller.constant("SIG_DFL"));
            assertThat(left).isSameAs(Signaller.constant("SIG_DFL"));
        }

        @Test
        void isNotPutBackOverOneThatSomebodyElseHasInstalledMeanwhile() throws Exception {
            List<String> heard = new CopyOnWriteArrayList<>();
            Disposable subscription = NativeSignals.on(options, "URG").subscribe();
            Object theirs = Signaller.handler(heard::add);
            Object ours = Signaller.install("URG", theirs);
            try {
                assertThat(ours).isNotNull();
                subscription.dispose();
                loop.scheduler.disposeGracefully().block(Duration.ofSeconds(10));
                Signaller.kill("URG");
                await().untilAsserted(() -> assertThat(heard).hasSize(1));
            } finally {
                assertThat(Signaller.install("URG", Signaller.constant("SIG_DFL")))
                        .isSameAs(theirs);
            }
        }
    }

    @Nested
    class AName {

        @ParameterizedTest
        @ValueSource(strings = {"QUIT", "ILL", "FPE", "SEGV", "KILL", "STOP"})
        void thatTheJvmOrTheSystemKeepsFailsTheFlux(String name) {
            StepVerifier.create(NativeSignals.on(options, name))
                    .expectErrorSatisfies(e -> assertThat(e)
                            .isInstanceOf(IllegalArgumentException.class)
                            .hasMessageContaining("keeps " + name + " for itself"))
                    .verify(Duration.ofSeconds(10));
        }

        @ParameterizedTest
        @ValueSource(strings = {"BUS", "PIPE", "XFSZ", "USR2"})
        void thatTheJvmNeedsButWouldGiveAwayFailsTheFlux(String name) {
            StepVerifier.create(NativeSignals.on(options, name))
                    .expectErrorSatisfies(e -> assertThat(e)
                            .isInstanceOf(IllegalArgumentException.class)
                            .hasMessage("the JVM uses " + name + " itself; take another, such as HUP or USR1"))
                    .verify(Duration.ofSeconds(10));
        }

        @ParameterizedTest
        @ValueSource(strings = {"NOPE", "hup", "RTMIN", "RTMIN+1", "34", ""})
        void thatIsUnknownOrRealTimeFailsTheFlux(String name) {
            StepVerifier.create(NativeSignals.on(options, name))
                    .expectErrorSatisfies(e -> assertThat(e)
                            .isInstanceOf(IllegalArgumentException.class)
                            .hasMessageContaining("there is no signal " + name + " on this platform")
                            .hasMessageContaining("real-time"))
                    .verify(Duration.ofSeconds(10));
        }

        @Test
        void hasNoPrefix() {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> NativeSignals.on("HUP", "SIGTERM"))
                    .withMessage("write TERM, without SIG: SIGTERM");
        }

        @Test
        void isNeeded() {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> NativeSignals.on(options))
                    .withMessageContaining("no signal is named");
            assertThatNullPointerException().isThrownBy(() -> NativeSignals.on(options, "HUP", null));
        }
    }
}
