package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.awaitility.Awaitility.await;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestCallbacks.FALLBACK;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.Mono;
import reactor.core.publisher.SignalType;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestScheduler;
import reactor.test.StepVerifier;

/** The statements on exchanges. The asking threads are the fixture's; an answer is right if it is sequence + ID. */
@Timeout(30)
class ExchangeTest {

    private static final long ID = 1_000_000;
    private static final Duration NEVER = Duration.ofHours(1);

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("ExchangeTest");

    private final List<Throwable> reported = new CopyOnWriteArrayList<>();
    private final List<Source> sources = new CopyOnWriteArrayList<>();
    private final CallbackOptions options = loop.options.onError(reported::add);

    private volatile MemorySegment pointer = MemorySegment.NULL;
    private volatile @Nullable ExchangeSink<Long, Long> sink;

    @AfterEach
    void end() {
        loop.scheduler.disposeGracefully().block(SOON);
        sources.forEach(Source::close);
    }

    /** Threads that ask so often each; they are stopped, and joined, when the subscription ends. */
    private Flux<Exchange<Long, Long>> asks(CallbackOptions options, int threads, long each, Duration limit) {
        return NativeFlux.exchange(options, (ExchangeSink<Long, Long> asking) -> {
            sink = asking;
            pointer = asking.callback(
                    OnAsk.class,
                    (thread, sequence, id) -> asking.ask(sequence + id, limit, FALLBACK),
                    (thread, sequence, id) -> FALLBACK - 1);
            if (threads > 0) {
                Source source = Source.asking(pointer, ID, FALLBACK);
                sources.add(source);
                source.start(threads, each, 0);
                asking.onDispose(source::stop);
            }
        });
    }

    private Source source() {
        return sources.get(0); // made while it was subscribed to
    }

    private void awaitAnswers(long right, long fallback) {
        Source source = source();
        await().dontCatchUncaughtExceptions().untilAsserted(() -> {
            assertThat(source.rightAnswers()).isEqualTo(right);
            assertThat(source.fallbackAnswers()).isEqualTo(fallback);
        });
        assertThat(source.wrongAnswers()).isZero();
    }

    @Test
    void whatNativeCodeIsDoneWithIsInertAtOnce() {
        Disposable subscription = asks(options, 0, 0, NEVER).subscribe(x -> x.reply(x.request()));
        OnAsk asks = CFunction.at(pointer, OnAsk.class);
        assertThat(asks.onAsk(0, 1, ID)).isEqualTo(ID + 1);
        sink.release(pointer);
        assertThat(asks.onAsk(0, 1, ID)).as("nobody's any more: the zero").isZero();
        subscription.dispose();
    }

    /** As a test of the part that answers makes it, without native code. */
    @Nested
    class MadeByTheApplication {

        private static final class Made implements Exchange<Long, Long> {

            private final List<String> answers = new CopyOnWriteArrayList<>();

            @Override
            public Long request() {
                return 20L;
            }

            @Override
            public boolean reply(Long answer) {
                return answers.add("reply " + answer);
            }

            @Override
            public boolean fail(Throwable error) {
                return answers.add("fail");
            }

            @Override
            public boolean refuse() {
                return answers.add("refuse");
            }
        }

        @Test
        void itIsAnsweredLikeOneOfTheLibrary() {
            Made made = new Made();
            StepVerifier.create(NativeFlux.exchange(options, (ExchangeSink<Long, Long> asking) -> {
                                asking.next(made);
                                asking.complete();
                            })
                            .map(x -> x.reply(x.request() + 1)))
                    .expectNext(true)
                    .expectComplete()
                    .verify(Duration.ofSeconds(10));
            assertThat(made.answers).containsExactly("reply 21");
        }

        @Test
        void itIsRefusedOnceIfTheStreamDropsIt() {
            Made kept = new Made();
            Made dropped = new Made();
            NativeFlux.exchange(options.overflow(Overflow.dropNewest(1)), (ExchangeSink<Long, Long> asking) -> {
                        asking.next(kept);
                        asking.next(dropped);
                    })
                    .subscribe(noDemand());
            assertThat(dropped.answers).containsExactly("refuse");
            assertThat(kept.answers).isEmpty();
        }
    }

    @Nested
    class Answers {

        @Test
        void anyThreadReplies() {
            AtomicInteger next = new AtomicInteger();
            Disposable subscription = asks(options, 4, 300, NEVER).subscribe(x -> {
                switch (next.getAndIncrement() % 4) {
                    case 0 -> x.reply(x.request());
                    case 1 -> Schedulers.parallel().schedule(() -> x.reply(x.request()));
                    case 2 -> Schedulers.boundedElastic().schedule(() -> x.reply(x.request()));
                    default -> Thread.ofVirtual().start(() -> x.reply(x.request()));
                }
            });
            awaitAnswers(1200, 0);
            subscription.dispose();
            assertThat(reported).isEmpty();
        }

        @Test
        @SuppressWarnings("ThreadPriorityCheck") // there may be fewer processors than threads
        void onceOnlyAndReplyTellsWhoseItWas() throws Exception {
            int rounds = 2_000;
            AtomicReference<Exchange<Long, Long>> current = new AtomicReference<>();
            AtomicInteger arrived = new AtomicInteger();
            AtomicInteger won = new AtomicInteger();
            Disposable subscription = asks(options, 1, rounds, NEVER).subscribe(current::set);
            Thread[] racers = new Thread[2];
            for (int i = 0; i < racers.length; i++) {
                boolean replies = i == 0;
                racers[i] = new Thread(() -> {
                    for (long round = 0; round < rounds; round++) {
                        Exchange<Long, Long> x = current.get();
                        while (x == null || x.request() != ID + round) {
                            Thread.yield();
                            x = current.get();
                        }
                        arrived.incrementAndGet();
                        for (int spins = 0; arrived.get() < 2 * (round + 1); spins++) {
                            if (spins < 1_000) {
                                Thread.onSpinWait(); // the other is at most a moment away
                            } else {
                                Thread.yield();
                            }
                        }
                        if (replies ? x.reply(x.request()) : x.refuse()) {
                            won.incrementAndGet();
                        }
                    }
                });
                racers[i].start();
            }
            for (Thread racer : racers) {
                racer.join();
            }
            assertThat(won).hasValue(rounds);
            Source source = source();
            await().until(() -> source.rightAnswers() + source.fallbackAnswers() == rounds);
            assertThat(source.wrongAnswers()).isZero();
            subscription.dispose();
        }

        @Test
        void replyTellsWhetherItWasInTime() {
            AtomicInteger inTime = new AtomicInteger();
            AtomicInteger late = new AtomicInteger();
            Disposable subscription = asks(options, 4, 250, Duration.ofNanos(1_500_000))
                    .subscribe(x -> Schedulers.parallel()
                            .schedule(
                                    () -> (x.reply(x.request()) ? inTime : late).incrementAndGet(),
                                    1_000 + x.request() % 7 * 150,
                                    TimeUnit.MICROSECONDS));
            Source source = source();
            await().until(() -> source.rightAnswers() + source.fallbackAnswers() == 1000);
            await().untilAsserted(() -> assertThat(inTime.get() + late.get()).isEqualTo(1000));
            assertThat(source.rightAnswers()).isEqualTo(inTime.get());
            assertThat(source.fallbackAnswers()).isEqualTo(late.get()).isPositive();
            assertThat(reported).hasSize(late.get()).allMatch(e -> e instanceof TimeoutException);
            subscription.dispose();
        }

        @Test
        void mayTakeTheirTimeInAFlatMap() {
            Disposable subscription = asks(options, 8, 5, NEVER)
                    .flatMap(x -> Mono.delay(Duration.ofMillis(20))
                            .thenReturn(x.request())
                            .doOnNext(x::reply))
                    .subscribe();
            awaitAnswers(40, 0);
            subscription.dispose();
        }

        @Test
        void mayBeNullAndSoMayTheFallback() {
            List<@Nullable String> answers = new CopyOnWriteArrayList<>();
            List<@Nullable String> all = new ArrayList<>();
            Flux<Exchange<Long, @Nullable String>> asks =
                    NativeFlux.exchange(options, (ExchangeSink<Long, @Nullable String> asking) -> {
                        MemorySegment ask = asking.callback(OnAsk.class, (thread, sequence, id) -> {
                            String answer = asking.ask(sequence, NEVER, null);
                            answers.add(String.valueOf(answer));
                            return 0;
                        });
                        Source source = Source.asking(ask, ID, FALLBACK);
                        sources.add(source);
                        source.start(1, 3, 0);
                        asking.onDispose(source::stop);
                    });
            BiFunction<Long, Exchange<Long, @Nullable String>, Boolean> answer =
                    (n, x) -> n == 0 ? x.reply(null) : n == 1 ? x.reply("one") : x.refuse();
            Disposable subscription = asks.subscribe(x -> all.add("" + answer.apply(x.request(), x)));
            await().untilAsserted(() -> assertThat(answers).containsExactly("null", "one", "null"));
            subscription.dispose();
        }
    }

    @Nested
    class NoAnswer {

        @Test
        void failGivesTheFallbackAndReports() {
            IllegalStateException failure = new IllegalStateException("no answer");
            List<Boolean> first = new CopyOnWriteArrayList<>();
            Disposable subscription = asks(options, 1, 1, NEVER).subscribe(x -> {
                first.add(x.fail(failure));
                first.add(x.fail(failure));
                first.add(x.reply(1L));
            });
            awaitAnswers(0, 1);
            await().untilAsserted(() -> assertThat(first).containsExactly(true, false, false));
            assertThat(reported).containsExactly(failure, failure);
            subscription.dispose();
        }

        @Test
        void withoutAnErrorHandlerItIsADroppedError() {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                IllegalStateException failure = new IllegalStateException("no answer");
                Disposable subscription = asks(loop.options, 1, 2, Duration.ofMillis(50))
                        .subscribe(x -> {
                            if (x.request() == ID) {
                                x.fail(failure);
                            }
                        });
                awaitAnswers(0, 2);
                assertThat(dropped).hasSize(2).startsWith(failure);
                assertThat(dropped.get(1)).isInstanceOf(TimeoutException.class);
                subscription.dispose();
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }

        @Test
        void anErrorHandlerThatThrowsDoesNotChangeTheAnswer() {
            CallbackOptions broken = options.onError(e -> {
                throw new IllegalStateException("broken handler", e);
            });
            Disposable subscription = asks(broken, 1, 2, Duration.ofMillis(50)).subscribe(x -> {
                if (x.request() == ID) {
                    x.fail(new IllegalStateException("no answer"));
                }
            });
            awaitAnswers(0, 2);
            subscription.dispose();
        }

        @Test
        void refuseGivesTheFallback() {
            Disposable subscription = asks(options, 2, 10, NEVER).subscribe(Exchange::refuse);
            awaitAnswers(0, 20);
            assertThat(reported).isEmpty();
            subscription.dispose();
        }

        @Test
        void theLimitGivesTheFallbackAndReports() {
            List<Exchange<Long, Long>> kept = new CopyOnWriteArrayList<>();
            Disposable subscription = asks(options, 2, 1, Duration.ofMillis(50)).subscribe(kept::add);
            awaitAnswers(0, 2);
            assertThat(reported)
                    .hasSize(2)
                    .allSatisfy(e -> assertThat(e)
                            .isInstanceOf(TimeoutException.class)
                            .hasMessage("an exchange of " + loop.name + " was not answered within 50 ms"));
            assertThat(kept).allSatisfy(x -> assertThat(x.reply(x.request())).isFalse());
            subscription.dispose();
        }

        @Test
        void aWaitForRoomCountsAgainstTheLimit() {
            BaseSubscriber<Exchange<Long, Long>> noDemand = noDemand();
            asks(options.overflow(Overflow.block(1, NEVER)), 3, 1, Duration.ofMillis(100))
                    .subscribe(noDemand);
            awaitAnswers(0, 3);
            assertThat(reported).hasSize(3).allMatch(e -> e instanceof TimeoutException);
            assertThat(loop.scheduler.isDisposed() || noDemand.isDisposed()).isFalse();
            noDemand.cancel();
        }

        @Test
        void aFullQueueWithoutWaitingGivesTheFallbackAtOnce() {
            for (Overflow overflow : List.of(Overflow.dropNewest(1), Overflow.dropOldest(1))) {
                BaseSubscriber<Exchange<Long, Long>> noDemand = noDemand();
                asks(options.overflow(overflow), 5, 1, NEVER).subscribe(noDemand);
                Source source = sources.get(sources.size() - 1);
                await().untilAsserted(() -> assertThat(source.fallbackAnswers()).isEqualTo(4));
                noDemand.cancel();
                await().untilAsserted(() -> assertThat(source.fallbackAnswers()).isEqualTo(5));
            }
            assertThat(reported).isEmpty();
        }

        @Test
        void theOldestIsRefusedAndTheNewestCanStillBeAnswered() {
            BaseSubscriber<Exchange<Long, Long>> later = new BaseSubscriber<>() {
                @Override
                protected void hookOnSubscribe(Subscription subscription) {}

                @Override
                protected void hookOnNext(Exchange<Long, Long> x) {
                    x.reply(x.request());
                }
            };
            asks(options.overflow(Overflow.dropOldest(2)), 6, 1, NEVER).subscribe(later);
            awaitAnswers(0, 4);
            later.request(2);
            awaitAnswers(2, 4);
            later.cancel();
        }

        @Test
        void oneThatAnOperatorDropsIsAnsweredByItsLimit() {
            Disposable subscription = asks(options, 1, 1, Duration.ofMillis(100))
                    .filter(x -> false)
                    .subscribe();
            awaitAnswers(0, 1);
            assertThat(reported).hasSize(1);
            subscription.dispose();
        }

        @Test
        @SuppressWarnings("rawtypes") // a class literal has no type arguments
        void oneThatAnOperatorDropsIsAnsweredAtOnceByDoOnDiscard() {
            Disposable subscription = asks(options, 2, 5, NEVER)
                    .filter(x -> false)
                    .doOnDiscard(Exchange.class, Exchange::refuse)
                    .subscribe();
            awaitAnswers(0, 10);
            assertThat(reported).isEmpty();
            subscription.dispose();
        }
    }

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
            asks(options.overflow(Overflow.block(64, NEVER)), 6, 1, NEVER).subscribe(subscriber);
            assertThat(delivered.await(10, TimeUnit.SECONDS)).isTrue();
            switch (how) {
                case "cancel" -> subscriber.cancel();
                case "complete" -> sink.complete();
                case "error" -> sink.error(new IllegalArgumentException("the source is broken"));
                case "dispose" -> loop.scheduler.dispose();
                default -> {}
            }
            Source source = source();
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
            assertThat(reported).isEmpty();
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
                        Source source = Source.asking(ask, ID, FALLBACK);
                        sources.add(source);
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
            StepVerifier.create(asks(options, 0, 0, NEVER))
                    .then(() -> {
                        OnAsk ask = CFunction.at(pointer, OnAsk.class);
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
            StepVerifier.create(asks(options, 0, 0, NEVER))
                    .then(() -> {
                        OnAsk ask = CFunction.at(pointer, OnAsk.class);
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
                Disposable subscription =
                        asks(options, 0, 0, NEVER).subscribe(x -> x.reply(answering.onAsk(0, x.request(), 5)));
                OnAsk ask = CFunction.at(pointer, OnAsk.class);
                other.schedule(() -> answer.set(ask.onAsk(0, 1, ID)));
                await().untilAsserted(() -> assertThat(answer).hasValue(ID + 6));
                subscription.dispose();
            }
        }

        @Test
        void isDeafToInterruptsAndSetsTheFlagAgain() {
            AtomicReference<Exchange<Long, Long>> exchange = new AtomicReference<>();
            Disposable subscription = asks(options, 0, 0, NEVER).subscribe(exchange::set);
            OnAsk ask = CFunction.at(pointer, OnAsk.class);
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
                StepVerifier.create(asks(options, 1, 1, limit))
                        .expectErrorSatisfies(e -> assertThat(e)
                                .isInstanceOf(IllegalArgumentException.class)
                                .hasMessage("timeout is " + limit + "; it must be more than zero"))
                        .verify(Duration.ofSeconds(10));
            }
        }

        @Test
        void takesALimitWithoutEnd() {
            Disposable subscription =
                    asks(options, 1, 10, Duration.ofSeconds(Long.MAX_VALUE)).subscribe(x -> x.reply(x.request()));
            awaitAnswers(10, 0);
            subscription.dispose();
        }

        @Test
        void needsARequest() {
            Disposable subscription = asks(options, 0, 0, NEVER).subscribe();
            assertThatIllegalArgumentException().isThrownBy(() -> sink.ask(1L, Duration.ZERO, 0L));
            assertThatNullPointerException()
                    .isThrownBy(() -> sink.ask(null, NEVER, 0L))
                    .withMessage("request");
            subscription.dispose();
        }

        @Test
        void goesOnAfterTheWarningThatItTakesLong() {
            TestScheduler impatient = loop.another("impatient", limits -> limits.warnAfter(Duration.ofMillis(20)));
            Disposable subscription = asks(options.on(impatient.scheduler), 1, 1, NEVER)
                    .delayElements(Duration.ofMillis(100))
                    .subscribe(x -> x.reply(x.request()));
            awaitAnswers(1, 0);
            subscription.dispose();
        }
    }

    private static <T> BaseSubscriber<T> noDemand() {
        return new BaseSubscriber<>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {}
        };
    }
}
