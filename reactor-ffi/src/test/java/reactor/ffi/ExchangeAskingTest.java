package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.awaitility.Awaitility.await;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestCallbacks.FALLBACK;
import static reactor.ffi.fixture.TestExchanges.ID;
import static reactor.ffi.fixture.TestExchanges.NEVER;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.SignalType;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestExchanges;
import reactor.ffi.fixture.TestScheduler;
import reactor.test.StepVerifier;

/** The statements on the threads that ask by exchanges, and on the end of the subscription that they ask. */
@Timeout(30)
class ExchangeAskingTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("ExchangeAskingTest");

    private final TestExchanges exchanges = new TestExchanges(loop);
    private final CallbackOptions options = exchanges.options;

    @Nested
    class TheEndOfTheSubscription {

        @ParameterizedTest
        @ValueSource(strings = {"cancel", "complete", "error", "onNext throws", "dispose"})
        void givesTheFallbackAtOnceToAllThatAreOpen(String how) throws Exception {
            CountDownLatch delivered = new CountDownLatch(2);
            List<Exchange<Long, Long>> kept = new CopyOnWriteArrayList<>();
            CountDownLatch ended = new CountDownLatch(1);
            AtomicReference<Throwable> failure = new AtomicReference<>();
            BaseSubscriber<Exchange<Long, Long>> subscriber = new BaseSubscriber<>() {
                @Override
                protected void hookOnSubscribe(Subscription subscription) {
                    // What is queued when the source completes is still to be delivered: all of it is asked for.
                    subscription.request(how.equals("complete") || how.equals("error") ? Long.MAX_VALUE : 2);
                }

                @Override
                protected void hookOnNext(Exchange<Long, Long> x) {
                    kept.add(x);
                    delivered.countDown();
                    if (how.equals("onNext throws") && delivered.getCount() == 0) {
                        throw new IllegalStateException("broken subscriber");
                    }
                }

                @Override
                protected void hookOnError(Throwable error) {
                    failure.set(error);
                }

                @Override
                protected void hookFinally(SignalType type) {
                    ended.countDown();
                }
            };
            exchanges
                    .flux(options.overflow(Overflow.block(64, NEVER)), 6, 1, NEVER)
                    .subscribe(subscriber);
            assertThat(delivered.await(10, TimeUnit.SECONDS)).isTrue();
            switch (how) {
                case "cancel" -> subscriber.cancel();
                case "complete" -> exchanges.sink.complete();
                case "error" -> exchanges.sink.error(new IllegalArgumentException("the source is broken"));
                case "dispose" -> loop.scheduler.dispose();
                default -> {}
            }
            Source source = exchanges.source();
            source.await(); // all threads have left: nobody waits for an answer
            assertThat(source.rightAnswers() + source.wrongAnswers()).isZero();
            assertThat(ended.await(10, TimeUnit.SECONDS)).isTrue();
            switch (how) {
                case "error" -> assertThat(failure.get()).isInstanceOf(IllegalArgumentException.class);
                case "dispose" -> assertThat(failure.get()).isInstanceOf(RejectedExecutionException.class);
                case "onNext throws" -> assertThat(failure.get()).hasMessage("broken subscriber");
                default -> assertThat(failure.get()).isNull();
            }
            assertThat(kept).allSatisfy(x -> assertThat(x.reply(x.request())).isFalse());
            assertThat(exchanges.reported).isEmpty();
        }

        @Test
        void letsNobodyAskAnyMore() {
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch over = new CountDownLatch(1);
            AtomicLong answer = new AtomicLong();
            Disposable subscription = NativeFlux.exchange(options, (ExchangeSink<Long, Long> asking) -> {
                        MemorySegment ask = asking.callback(OnAsk.class, (thread, sequence, id) -> {
                            inside.countDown();
                            awaitLatch(over);
                            answer.set(asking.ask(sequence, NEVER, FALLBACK));
                            return answer.get();
                        });
                        Source source = exchanges.source(ask);
                        source.start(1, 1, 0);
                        asking.onDispose(() -> {
                            over.countDown();
                            source.stop();
                        });
                    })
                    .subscribe();
            awaitLatch(inside);
            subscription.dispose();
            await().untilAsserted(() -> assertThat(answer).hasValue(FALLBACK));
        }
    }

    @Nested
    class Asking {

        @Test
        void isRefusedOnTheSchedulersOwnThread() {
            AtomicLong answer = new AtomicLong();
            StepVerifier.create(exchanges.flux(options, 0, 0, NEVER))
                    .then(() -> {
                        OnAsk ask = CFunction.at(exchanges.pointer, OnAsk.class);
                        loop.scheduler.schedule(() -> answer.set(ask.onAsk(0, 1, ID)));
                    })
                    .expectErrorSatisfies(e -> assertThat(e)
                            .isInstanceOf(IllegalStateException.class)
                            .hasMessageContaining("ask on the scheduler's own thread")
                            .hasMessageContaining(loop.name)
                            .hasMessageContaining("nobody could answer"))
                    .verify(Duration.ofSeconds(10));
            await().untilAsserted(() -> assertThat(answer).hasValue(FALLBACK - 1)); // the callback's own
        }

        @Test
        void isRefusedOnTheSchedulersOwnThreadInsideALend() {
            AtomicLong answer = new AtomicLong();
            StepVerifier.create(exchanges.flux(options, 0, 0, NEVER))
                    .then(() -> {
                        OnAsk ask = CFunction.at(exchanges.pointer, OnAsk.class);
                        loop.scheduler.schedule(
                                () -> loop.scheduler.runBlocking(() -> answer.set(ask.onAsk(0, 1, ID))));
                    })
                    .expectErrorMatches(e -> e instanceof IllegalStateException)
                    .verify(Duration.ofSeconds(10));
            await().untilAsserted(() -> assertThat(answer).hasValue(FALLBACK - 1));
        }

        @Test
        void onAnotherSchedulersThreadLendsItsTurnMeanwhile() {
            CallbackScheduler other = loop.another("other", limits -> limits).scheduler;
            AtomicLong answer = new AtomicLong();
            try (NativeCallback<OnAsk> there = NativeCallback.threadSafe(other, OnAsk.class, (t, s, id) -> s + id)) {
                OnAsk answering = CFunction.at(there.pointer(), OnAsk.class);
                Disposable subscription = exchanges
                        .flux(options, 0, 0, NEVER)
                        .subscribe(x -> x.reply(answering.onAsk(0, x.request(), 5)));
                OnAsk ask = CFunction.at(exchanges.pointer, OnAsk.class);
                other.schedule(() -> answer.set(ask.onAsk(0, 1, ID)));
                await().untilAsserted(() -> assertThat(answer).hasValue(ID + 6));
                subscription.dispose();
            }
        }

        @Test
        void isDeafToInterruptsAndSetsTheFlagAgain() {
            AtomicReference<Exchange<Long, Long>> exchange = new AtomicReference<>();
            Disposable subscription = exchanges.flux(options, 0, 0, NEVER).subscribe(exchange::set);
            OnAsk ask = CFunction.at(exchanges.pointer, OnAsk.class);
            CompletableFuture<String> after = new CompletableFuture<>();
            Thread asker = new Thread(() -> {
                Thread.currentThread().interrupt();
                long answer = ask.onAsk(0, 1, ID);
                after.complete(answer + " " + Thread.currentThread().isInterrupted());
            });
            asker.start();
            await().until(() -> exchange.get() != null);
            asker.interrupt();
            await().until(() -> asker.getState() == Thread.State.TIMED_WAITING);
            asker.interrupt();
            assertThat(after).isNotDone();
            assertThat(exchange.get().reply(42L)).isTrue();
            assertThat(after).succeedsWithin(Duration.ofSeconds(10)).isEqualTo("42 true");
            subscription.dispose();
        }

        @Test
        void needsALimitOfMoreThanZero() {
            for (Duration limit : List.of(Duration.ZERO, Duration.ofMillis(-1), Duration.ofSeconds(Long.MIN_VALUE))) {
                StepVerifier.create(exchanges.flux(options, 1, 1, limit))
                        .expectErrorSatisfies(e -> assertThat(e)
                                .isInstanceOf(IllegalArgumentException.class)
                                .hasMessage("timeout is " + limit + "; it must be more than zero"))
                        .verify(Duration.ofSeconds(10));
            }
        }

        @Test
        void takesALimitWithoutEnd() {
            Disposable subscription = exchanges
                    .flux(options, 1, 10, Duration.ofSeconds(Long.MAX_VALUE))
                    .subscribe(x -> x.reply(x.request()));
            exchanges.awaitAnswers(10, 0);
            subscription.dispose();
        }

        @Test
        void needsARequest() {
            Disposable subscription = exchanges.flux(options, 0, 0, NEVER).subscribe();
            assertThatIllegalArgumentException().isThrownBy(() -> exchanges.sink.ask(1L, Duration.ZERO, 0L));
            assertThatNullPointerException()
                    .isThrownBy(() -> exchanges.sink.ask(null, NEVER, 0L))
                    .withMessage("request");
            subscription.dispose();
        }

        @Test
        void goesOnAfterTheWarningThatItTakesLong() {
            TestScheduler impatient = loop.another("impatient", limits -> limits.warnAfter(Duration.ofMillis(20)));
            Disposable subscription = exchanges
                    .flux(options.on(impatient.scheduler), 1, 1, NEVER)
                    .delayElements(Duration.ofMillis(100))
                    .subscribe(x -> x.reply(x.request()));
            exchanges.awaitAnswers(1, 0);
            subscription.dispose();
        }
    }
}
