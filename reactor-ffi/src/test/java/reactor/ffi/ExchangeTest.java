package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static reactor.ffi.fixture.TestExchanges.ID;
import static reactor.ffi.fixture.TestExchanges.NEVER;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestExchanges;
import reactor.ffi.fixture.TestScheduler;
import reactor.test.StepVerifier;

/** The statements on exchanges. The asking threads are the fixture's; an answer is right if it is sequence + ID. */
@Timeout(30)
class ExchangeTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("ExchangeTest");

    private final TestExchanges exchanges = new TestExchanges(loop);
    private final CallbackOptions options = exchanges.options;

    @Test
    void whatNativeCodeIsDoneWithIsInertAtOnce() {
        Disposable subscription = exchanges.flux(options, 0, 0, NEVER).subscribe(x -> x.reply(x.request()));
        OnAsk asks = CFunction.at(exchanges.pointer, OnAsk.class);
        assertThat(asks.onAsk(0, 1, ID)).isEqualTo(ID + 1);
        exchanges.sink.release(exchanges.pointer);
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
            Disposable subscription = exchanges.flux(options, 4, 300, NEVER).subscribe(x -> {
                switch (next.getAndIncrement() % 4) {
                    case 0 -> x.reply(x.request());
                    case 1 -> Schedulers.parallel().schedule(() -> x.reply(x.request()));
                    case 2 -> Schedulers.boundedElastic().schedule(() -> x.reply(x.request()));
                    default -> Thread.ofVirtual().start(() -> x.reply(x.request()));
                }
            });
            exchanges.awaitAnswers(1200, 0);
            subscription.dispose();
            assertThat(exchanges.reported).isEmpty();
        }

        @Test
        @SuppressWarnings("ThreadPriorityCheck") // there may be fewer processors than threads
        void onceOnlyAndReplyTellsWhoseItWas() throws Exception {
            int rounds = 2_000;
            AtomicReference<Exchange<Long, Long>> current = new AtomicReference<>();
            AtomicInteger arrived = new AtomicInteger();
            AtomicInteger won = new AtomicInteger();
            Disposable subscription = exchanges.flux(options, 1, rounds, NEVER).subscribe(current::set);
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
            Source source = exchanges.source();
            await().until(() -> source.rightAnswers() + source.fallbackAnswers() == rounds);
            assertThat(source.wrongAnswers()).isZero();
            subscription.dispose();
        }

        @Test
        void replyTellsWhetherItWasInTime() {
            AtomicInteger inTime = new AtomicInteger();
            AtomicInteger late = new AtomicInteger();
            Disposable subscription = exchanges
                    .flux(options, 4, 250, Duration.ofNanos(1_500_000))
                    .subscribe(x -> Schedulers.parallel()
                            .schedule(
                                    () -> (x.reply(x.request()) ? inTime : late).incrementAndGet(),
                                    1_000 + x.request() % 7 * 150,
                                    TimeUnit.MICROSECONDS));
            Source source = exchanges.source();
            await().until(() -> source.rightAnswers() + source.fallbackAnswers() == 1000);
            await().untilAsserted(() -> assertThat(inTime.get() + late.get()).isEqualTo(1000));
            assertThat(source.rightAnswers()).isEqualTo(inTime.get());
            assertThat(source.fallbackAnswers()).isEqualTo(late.get()).isPositive();
            assertThat(exchanges.reported).hasSize(late.get()).allMatch(e -> e instanceof TimeoutException);
            subscription.dispose();
        }

        @Test
        void mayTakeTheirTimeInAFlatMap() {
            Disposable subscription = exchanges
                    .flux(options, 8, 5, NEVER)
                    .flatMap(x -> Mono.delay(Duration.ofMillis(20))
                            .thenReturn(x.request())
                            .doOnNext(x::reply))
                    .subscribe();
            exchanges.awaitAnswers(40, 0);
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
                        Source source = exchanges.source(ask);
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
            Disposable subscription = exchanges.flux(options, 1, 1, NEVER).subscribe(x -> {
                first.add(x.fail(failure));
                first.add(x.fail(failure));
                first.add(x.reply(1L));
            });
            exchanges.awaitAnswers(0, 1);
            await().untilAsserted(() -> assertThat(first).containsExactly(true, false, false));
            assertThat(exchanges.reported).containsExactly(failure, failure);
            subscription.dispose();
        }

        @Test
        void withoutAnErrorHandlerItIsADroppedError() {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                IllegalStateException failure = new IllegalStateException("no answer");
                Disposable subscription = exchanges
                        .flux(loop.options, 1, 2, Duration.ofMillis(50))
                        .subscribe(x -> {
                            if (x.request() == ID) {
                                x.fail(failure);
                            }
                        });
                exchanges.awaitAnswers(0, 2);
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
            Disposable subscription = exchanges
                    .flux(broken, 1, 2, Duration.ofMillis(50))
                    .subscribe(x -> {
                        if (x.request() == ID) {
                            x.fail(new IllegalStateException("no answer"));
                        }
                    });
            exchanges.awaitAnswers(0, 2);
            subscription.dispose();
        }

        @Test
        void refuseGivesTheFallback() {
            Disposable subscription = exchanges.flux(options, 2, 10, NEVER).subscribe(Exchange::refuse);
            exchanges.awaitAnswers(0, 20);
            assertThat(exchanges.reported).isEmpty();
            subscription.dispose();
        }

        @Test
        void theLimitGivesTheFallbackAndReports() {
            List<Exchange<Long, Long>> kept = new CopyOnWriteArrayList<>();
            Disposable subscription =
                    exchanges.flux(options, 2, 1, Duration.ofMillis(50)).subscribe(kept::add);
            exchanges.awaitAnswers(0, 2);
            assertThat(exchanges.reported)
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
            exchanges
                    .flux(options.overflow(Overflow.block(1, NEVER)), 3, 1, Duration.ofMillis(100))
                    .subscribe(noDemand);
            exchanges.awaitAnswers(0, 3);
            assertThat(exchanges.reported).hasSize(3).allMatch(e -> e instanceof TimeoutException);
            assertThat(loop.scheduler.isDisposed() || noDemand.isDisposed()).isFalse();
            noDemand.cancel();
        }

        @Test
        void aFullQueueWithoutWaitingGivesTheFallbackAtOnce() {
            for (Overflow overflow : List.of(Overflow.dropNewest(1), Overflow.dropOldest(1))) {
                BaseSubscriber<Exchange<Long, Long>> noDemand = noDemand();
                exchanges.flux(options.overflow(overflow), 5, 1, NEVER).subscribe(noDemand);
                Source source = exchanges.sources.get(exchanges.sources.size() - 1);
                await().untilAsserted(() -> assertThat(source.fallbackAnswers()).isEqualTo(4));
                noDemand.cancel();
                await().untilAsserted(() -> assertThat(source.fallbackAnswers()).isEqualTo(5));
            }
            assertThat(exchanges.reported).isEmpty();
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
            exchanges
                    .flux(options.overflow(Overflow.dropOldest(2)), 6, 1, NEVER)
                    .subscribe(later);
            exchanges.awaitAnswers(0, 4);
            later.request(2);
            exchanges.awaitAnswers(2, 4);
            later.cancel();
        }

        @Test
        void oneThatAnOperatorDropsIsAnsweredByItsLimit() {
            Disposable subscription = exchanges
                    .flux(options, 1, 1, Duration.ofMillis(100))
                    .filter(x -> false)
                    .subscribe();
            exchanges.awaitAnswers(0, 1);
            assertThat(exchanges.reported).hasSize(1);
            subscription.dispose();
        }

        @Test
        @SuppressWarnings("rawtypes") // a class literal has no type arguments
        void oneThatAnOperatorDropsIsAnsweredAtOnceByDoOnDiscard() {
            Disposable subscription = exchanges
                    .flux(options, 2, 5, NEVER)
                    .filter(x -> false)
                    .doOnDiscard(Exchange.class, Exchange::refuse)
                    .subscribe();
            exchanges.awaitAnswers(0, 10);
            assertThat(exchanges.reported).isEmpty();
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
