package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static reactor.ffi.fixture.Latches.awaitLatch;

import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.SignalType;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.Source;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.test.StepVerifier;

/** The statements on shared streams. */
@Timeout(60)
class ShareTest {

    private final CallbackScheduler scheduler = CallbackScheduler.create("share-test");
    private final CallbackOptions options = CallbackOptions.named("share-test").on(scheduler);
    private final Events events = new Events();

    @AfterEach
    void end() {
        scheduler.disposeGracefully().block(Duration.ofSeconds(10));
        assertThat(events.live).hasValue(0);
        assertThat(events.mostLive.get()).isLessThanOrEqualTo(1);
    }

    /** The registration. Its one callback hands sequence + id over; native threads of the fixture fire it. */
    private static final class Events implements Registration<NativeSink<Long>> {

        final AtomicInteger registered = new AtomicInteger();
        final AtomicInteger live = new AtomicInteger();
        final AtomicInteger mostLive = new AtomicInteger();
        final List<Thread> threads = new CopyOnWriteArrayList<>();
        volatile @Nullable NativeSink<Long> sink;
        volatile MemorySegment pointer = MemorySegment.NULL;

        @Override
        public void register(NativeSink<Long> sink) {
            registered.incrementAndGet();
            mostLive.accumulateAndGet(live.incrementAndGet(), Math::max);
            threads.add(Thread.currentThread());
            sink.onDispose(() -> {
                threads.add(Thread.currentThread());
                live.decrementAndGet();
            });
            this.sink = sink;
            pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence + id));
        }

        /** From a new native thread: that value, then the next ones, n in all. */
        void fire(long first, int n) {
            Calls.fromThreads(pointer, 1, n, first);
        }
    }

    /** Remembers what it got, and asks for no more than it is told to. */
    private static final class Subscriber extends BaseSubscriber<Long> {

        private final long first;
        final List<Long> values = new CopyOnWriteArrayList<>();
        final List<Thread> threads = new CopyOnWriteArrayList<>();
        volatile @Nullable Throwable error;
        volatile boolean completed;

        Subscriber(long first) {
            this.first = first;
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            if (first > 0) {
                subscription.request(first);
            }
        }

        @Override
        protected void hookOnNext(Long value) {
            threads.add(Thread.currentThread());
            values.add(value);
        }

        @Override
        protected void hookOnError(Throwable thrown) {
            error = thrown;
        }

        @Override
        protected void hookOnComplete() {
            completed = true;
        }
    }

    private Subscriber subscribe(Flux<Long> shared, long demand) {
        Subscriber subscriber = new Subscriber(demand);
        shared.subscribe(subscriber);
        awaitTasks();
        return subscriber;
    }

    /** What was queued on the scheduler has run: a subscriber has joined, or left. */
    private void awaitTasks() {
        CountDownLatch ran = new CountDownLatch(1);
        ((LoopScheduler) scheduler).execute(() -> ((LoopScheduler) scheduler).execute(ran::countDown));
        awaitLatch(ran);
    }

    private static List<Long> range(long from, long to) {
        return LongStream.range(from, to).boxed().toList();
    }

    @Nested
    class One_registration {

        @Test
        void servesAllSubscribers() {
            Flux<Long> shared = NativeFlux.share(options, events);
            Subscriber one = subscribe(shared, Long.MAX_VALUE);
            Subscriber two = subscribe(shared, Long.MAX_VALUE);
            events.fire(0, 1_000);
            Subscriber late = subscribe(shared, Long.MAX_VALUE);
            events.fire(1_000, 10);
            await().untilAsserted(() -> {
                assertThat(one.values).isEqualTo(range(0, 1_010));
                assertThat(two.values).isEqualTo(range(0, 1_010));
                assertThat(late.values).isEqualTo(range(1_000, 1_010));
            });
            assertThat(events.registered).hasValue(1);
            assertThat(one.threads).containsOnly(((LoopScheduler) scheduler).thread());
        }

        @Test
        void comesWithTheFirstSubscriberGoesWithTheLastAndComesAnewWithTheNext() {
            Flux<Long> shared = NativeFlux.share(options, events);
            assertThat(events.registered).hasValue(0);
            for (int round = 1; round <= 3; round++) {
                Subscriber one = subscribe(shared, Long.MAX_VALUE);
                Subscriber two = subscribe(shared, Long.MAX_VALUE);
                assertThat(events.registered).hasValue(round);
                one.cancel();
                awaitTasks();
                assertThat(events.live).hasValue(1);
                two.cancel();
                await().untilAsserted(() -> assertThat(events.live).hasValue(0));
            }
            assertThat(events.threads).hasSize(6).containsOnly(((LoopScheduler) scheduler).thread());
        }

        @Test
        void mayBeJoinedAndLeftInsideOnNext() {
            Flux<Long> shared = NativeFlux.share(options, events);
            Subscriber inner = new Subscriber(Long.MAX_VALUE);
            Disposable outer =
                    shared.take(1).doOnNext(value -> shared.subscribe(inner)).subscribe();
            awaitTasks();
            events.fire(0, 1);
            await().until(outer::isDisposed);
            awaitTasks();
            events.fire(1, 5);
            await().untilAsserted(() -> assertThat(inner.values).isEqualTo(range(1, 6)));
            inner.cancel();
        }

        @Test
        void knowsTheFirstSubscribersContextTheSmallestDemandAndUnboundedDemandOnce() {
            List<Long> asked = new CopyOnWriteArrayList<>();
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                events.register(sink);
                sink.onRequest(asked::add);
            });
            Disposable first =
                    shared.contextWrite(context -> context.put("who", "first")).subscribe();
            Subscriber second = new Subscriber(7);
            shared.contextWrite(context -> context.put("who", "second")).subscribe(second);
            awaitTasks();
            NativeSink<Long> sink = events.sink;
            assertThat(sink.contextView().<String>get("who")).isEqualTo("first");
            assertThat(sink.requestedFromDownstream()).isEqualTo(7);
            assertThat(sink.scheduler()).isSameAs(scheduler);
            second.cancel();
            await().untilAsserted(
                            () -> assertThat(sink.requestedFromDownstream()).isEqualTo(Long.MAX_VALUE));
            assertThat(asked).containsExactly(Long.MAX_VALUE);
            first.dispose();
        }

        @Test
        void survivesSubscribersThatComeAndGoWhileNativeThreadsFire() throws Exception {
            Fixture.clearErrors();
            AtomicInteger live = new AtomicInteger();
            AtomicInteger most = new AtomicInteger();
            AtomicInteger registered = new AtomicInteger();
            Flux<Long> shared = NativeFlux.share(options.overflow(Overflow.dropOldest(64)), sink -> {
                registered.incrementAndGet();
                most.accumulateAndGet(live.incrementAndGet(), Math::max);
                MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                Source source = Source.events(pointer, 1).start(2, -1, 20_000);
                sink.onDispose(() -> {
                    source.stop();
                    source.close();
                    live.decrementAndGet();
                });
            });
            AtomicBoolean done = new AtomicBoolean();
            Thread[] users = new Thread[3];
            for (int i = 0; i < users.length; i++) {
                users[i] = new Thread(() -> {
                    for (int n = 0; !done.get(); n++) {
                        if (n % 3 == 0) {
                            shared.take(n % 5).blockLast(Duration.ofSeconds(10));
                        } else {
                            shared.subscribe().dispose();
                        }
                    }
                });
                users[i].start();
            }
            await().atMost(Duration.ofSeconds(20)).until(() -> registered.get() > 50);
            done.set(true);
            for (Thread user : users) {
                user.join();
            }
            await().untilAsserted(() -> assertThat(live).hasValue(0));
            assertThat(most).hasValue(1);
            assertThat(Fixture.errorCount()).isZero();
        }
    }

    @Nested
    class The_consumer_of_demand {

        @Test
        void isNotCalledOnceTheRegistrationIsUndone() {
            List<Long> asked = new CopyOnWriteArrayList<>();
            Flux<Long> shared = NativeFlux.share(options, events);
            Subscriber one = subscribe(shared, Long.MAX_VALUE);
            one.cancel();
            await().untilAsserted(() -> assertThat(events.live).hasValue(0));
            events.sink.onRequest(asked::add);
            awaitTasks();
            assertThat(asked).isEmpty();
        }

        @Test
        void thatThrowsFailsAllAndWhatItThrowsAfterAnErrorOfItsOwnIsReported() {
            List<Throwable> reported = new CopyOnWriteArrayList<>();
            Schedulers.onHandleError((thread, error) -> reported.add(error));
            try {
                IllegalStateException own = new IllegalStateException("own");
                IllegalStateException thrown = new IllegalStateException("thrown");
                Flux<Long> shared = NativeFlux.share(options, sink -> {
                    events.register(sink);
                    sink.onRequest(n -> {
                        throw thrown;
                    });
                });
                Subscriber one = subscribe(shared, Long.MAX_VALUE);
                await().untilAsserted(() -> assertThat(one.error).isSameAs(thrown));
                assertThat(reported).isEmpty();

                Flux<Long> failed = NativeFlux.share(options, sink -> {
                    events.register(sink);
                    sink.onRequest(n -> {
                        sink.error(own);
                        throw thrown;
                    });
                });
                Subscriber two = subscribe(failed, Long.MAX_VALUE);
                await().untilAsserted(() -> assertThat(two.error).isSameAs(own));
                assertThat(reported).containsExactly(thrown);
            } finally {
                Schedulers.resetOnHandleError();
            }
        }
    }

    @Nested
    class A_slow_subscriber {

        @Test
        void hurtsOnlyItself() {
            List<Object> discarded = new CopyOnWriteArrayList<>();
            Flux<Long> shared = NativeFlux.share(options.overflow(Overflow.dropNewest(4)), events);
            Subscriber fast = subscribe(shared, Long.MAX_VALUE);
            Subscriber slow = new Subscriber(0);
            shared.doOnDiscard(Long.class, discarded::add).subscribe(slow);
            awaitTasks();
            for (int n = 0; n < 100; n++) {
                int value = n;
                events.fire(value, 1);
                await().pollInterval(Duration.ofMillis(1)).until(() -> fast.values.size() > value);
            }
            assertThat(fast.values).isEqualTo(range(0, 100));
            slow.request(10);
            await().untilAsserted(() -> assertThat(slow.values).isEqualTo(range(0, 4)));
            assertThat(discarded).isEqualTo(range(4, 100));
        }

        @Test
        void getsWhatItAsksFor() {
            Flux<Long> shared = NativeFlux.share(options, events);
            Subscriber fast = subscribe(shared, Long.MAX_VALUE);
            Subscriber slow = subscribe(shared, 2);
            events.fire(0, 10);
            await().untilAsserted(() -> assertThat(fast.values).isEqualTo(range(0, 10)));
            awaitTasks();
            assertThat(slow.values).isEqualTo(range(0, 2));
            slow.request(3);
            await().untilAsserted(() -> assertThat(slow.values).isEqualTo(range(0, 5)));
        }

        @Test
        void endsAloneWhereAFullQueueIsAnError() {
            Flux<Long> shared = NativeFlux.share(options.overflow(Overflow.error(4)), events);
            Subscriber fast = subscribe(shared, Long.MAX_VALUE);
            Subscriber slow = subscribe(shared, 0);
            for (int n = 0; n < 20; n++) {
                int value = n;
                events.fire(value, 1);
                await().pollInterval(Duration.ofMillis(1)).until(() -> fast.values.size() > value);
            }
            slow.request(10);
            await().untilAsserted(() -> assertThat(slow.error).hasMessageContaining("is full"));
            assertThat(slow.values).isEqualTo(range(0, 4));
            events.fire(20, 1);
            await().untilAsserted(() -> assertThat(fast.values).isEqualTo(range(0, 21)));
            assertThat(events.registered).hasValue(1);
        }

        @Test
        void decidesForAllWhereNativeThreadsWait() throws Exception {
            Flux<Long> shared = NativeFlux.share(options.overflow(Overflow.block(4, Duration.ofSeconds(30))), events);
            Subscriber fast = subscribe(shared, Long.MAX_VALUE);
            Subscriber slow = subscribe(shared, 0);
            Thread native10 = new Thread(() -> events.fire(0, 10));
            native10.start();
            await().until(() -> fast.values.size() == 5); // the fifth waits for room in the other's queue
            await().during(Duration.ofMillis(100)).until(() -> fast.values.size() == 5);
            slow.request(1);
            await().until(() -> fast.values.size() == 6);
            slow.request(100);
            native10.join();
            await().untilAsserted(() -> {
                assertThat(fast.values).isEqualTo(range(0, 10));
                assertThat(slow.values).isEqualTo(range(0, 10));
            });
        }

        @Test
        void pastTheLimitEndsAlone() {
            Flux<Long> shared = NativeFlux.share(options.overflow(Overflow.block(4, Duration.ofMillis(100))), events);
            Subscriber slow = subscribe(shared, 0);
            Subscriber fast = subscribe(shared, Long.MAX_VALUE);
            events.fire(0, 10);
            slow.request(10);
            await().untilAsserted(() -> assertThat(slow.error).hasMessageContaining("waited"));
            await().untilAsserted(() -> assertThat(fast.values).isEqualTo(range(0, 10)));
        }

        @Test
        void thatCancelsLetsTheOthersGoOn() throws Exception {
            Flux<Long> shared = NativeFlux.share(options.overflow(Overflow.block(4, Duration.ofSeconds(30))), events);
            Subscriber slow = subscribe(shared, 0);
            Subscriber fast = subscribe(shared, Long.MAX_VALUE);
            Thread native10 = new Thread(() -> events.fire(0, 10));
            native10.start();
            await().until(() -> fast.values.size() == 4);
            slow.cancel();
            native10.join();
            await().untilAsserted(() -> assertThat(fast.values).isEqualTo(range(0, 10)));
        }
    }

    @Nested
    class The_end_of_the_source {

        @Test
        void completesAllAfterTheUnregisterAndAfterTheirValues() {
            List<String> order = new CopyOnWriteArrayList<>();
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                events.register(sink);
                sink.onDispose(() -> order.add("unregistered"));
            });
            Subscriber slow = subscribe(shared.doOnComplete(() -> order.add("slow")), 0);
            Disposable fast = shared.doFinally(signal -> order.add("fast")).subscribe();
            awaitTasks();
            events.fire(0, 3);
            events.sink.complete();
            await().until(fast::isDisposed);
            assertThat(order).containsExactly("unregistered", "fast");
            assertThat(slow.completed).isFalse();
            slow.request(3);
            await().untilAsserted(() -> assertThat(order).containsExactly("unregistered", "fast", "slow"));
            assertThat(slow.values).isEqualTo(range(0, 3));
        }

        /** It has seen the first registration end, and cancels in the time of the second. */
        @Test
        void aSubscriberOfAnEarlierRegistrationIsNotKeptByTheNext() {
            Flux<Long> shared = NativeFlux.share(options, events);
            WeakReference<Subscriber> slow = slowOneThatLeavesLate(shared);
            await().untilAsserted(() -> {
                System.gc();
                assertThat(slow.refersTo(null)).isTrue();
            });
            assertThat(events.live).hasValue(1);
        }

        private WeakReference<Subscriber> slowOneThatLeavesLate(Flux<Long> shared) {
            Subscriber slow = subscribe(shared, 0);
            events.fire(0, 3);
            events.sink.complete();
            await().untilAsserted(() -> assertThat(events.live).hasValue(0));
            Subscriber next = subscribe(shared, 10);
            slow.cancel();
            await().untilAsserted(() -> assertThat(events.live).hasValue(1));
            events.fire(7, 1);
            await().untilAsserted(() -> assertThat(next.values).containsExactly(7L));
            return new WeakReference<>(slow);
        }

        @Test
        void failsAllAfterTheUnregister() {
            IllegalStateException failure = new IllegalStateException("the source is broken");
            Flux<Long> shared = NativeFlux.share(options, events);
            List<Integer> liveAtError = new CopyOnWriteArrayList<>();
            Flux<Long> watched = shared.doOnError(e -> liveAtError.add(events.live.get()));
            Subscriber one = subscribe(watched, Long.MAX_VALUE);
            Subscriber two = subscribe(watched, Long.MAX_VALUE);
            events.sink.error(failure);
            await().untilAsserted(() -> {
                assertThat(one.error).isSameAs(failure);
                assertThat(two.error).isSameAs(failure);
            });
            assertThat(liveAtError).containsExactly(0, 0);
        }

        @Test
        void failsAllWithTheSourcesErrorAndDropsThatOfTheUnregister() {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                IllegalStateException failure = new IllegalStateException("the source is broken");
                IllegalStateException unregister = new IllegalStateException("so is its unregister");
                Flux<Long> shared = NativeFlux.share(options, sink -> {
                    events.register(sink);
                    sink.onDispose(() -> {
                        throw unregister;
                    });
                });
                Subscriber one = subscribe(shared, Long.MAX_VALUE);
                Subscriber two = subscribe(shared, Long.MAX_VALUE);
                events.sink.error(failure);
                await().untilAsserted(
                                () -> assertThat(List.of(one.error, two.error)).containsOnly(failure));
                await().untilAsserted(() -> assertThat(dropped).containsExactly(unregister));
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }

        @Test
        void byAHandlerThatThrowsFailsAll() {
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                events.register(sink);
                events.pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                    throw new IllegalStateException("broken handler");
                });
            });
            Subscriber one = subscribe(shared, Long.MAX_VALUE);
            Subscriber two = subscribe(shared, Long.MAX_VALUE);
            events.fire(0, 3);
            await().untilAsserted(() -> {
                assertThat(one.error).hasMessage("broken handler");
                assertThat(two.error).isSameAs(one.error);
            });
        }

        @Test
        void givesWhatComesWithNobodyThereToTheDiscardHookOfWhoWasThereLast() {
            List<Long> ofFirst = new CopyOnWriteArrayList<>();
            List<Long> ofLast = new CopyOnWriteArrayList<>();
            Flux<Long> shared = NativeFlux.share(options, events);
            Disposable last = shared.doOnDiscard(Long.class, ofLast::add).subscribe();
            Disposable first = shared.doOnDiscard(Long.class, ofFirst::add).subscribe();
            awaitTasks();
            first.dispose();
            await().until(() -> CallbackMetrics.of("share-test").subscribers() == 1);
            last.dispose();
            await().until(() -> events.live.get() == 0);
            assertThat(events.sink.next(1L)).isFalse();
            assertThat(ofLast).containsExactly(1L);
            assertThat(ofFirst).isEmpty();
        }

        @Test
        void discardsWhatComesLater() throws Exception {
            CountDownLatch begun = new CountDownLatch(1);
            CountDownLatch end = new CountDownLatch(1);
            Flux<Long> shared = NativeFlux.share(options, events);
            Subscriber one = subscribe(shared, Long.MAX_VALUE);
            scheduler.schedule(
                    () -> { // so that the end is not handled before the value comes
                        begun.countDown();
                        awaitLatch(end);
                    });
            awaitLatch(begun);
            long before = CallbackMetrics.of("share-test").discarded();
            assertThat(events.sink.next(1L)).isTrue();
            events.sink.complete();
            assertThat(events.sink.isCancelled()).isTrue();
            assertThat(events.sink.next(2L)).isFalse();
            events.fire(3, 1);
            end.countDown();
            await().until(() -> one.completed);
            assertThat(one.values).containsExactly(1L);
            assertThat(CallbackMetrics.of("share-test").discarded() - before).isEqualTo(2);
        }

        @Test
        void inAnErrorThatNobodyIsLeftToHearIsADroppedError() {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                IllegalStateException failure = new IllegalStateException("too late");
                Flux<Long> shared = NativeFlux.share(options, events);
                CountDownLatch end = new CountDownLatch(1);
                Subscriber one = subscribe(shared, Long.MAX_VALUE);
                scheduler.schedule(() -> awaitLatch(end));
                one.cancel();
                end.countDown();
                await().untilAsserted(() -> assertThat(events.live).hasValue(0));
                events.sink.error(failure);
                await().untilAsserted(() -> assertThat(dropped).containsExactly(failure));
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }

        @Test
        void isFollowedByOneNewRegistrationWhenAllRetry() {
            Flux<Long> shared = NativeFlux.share(options, events);
            Subscriber one = subscribe(shared.retry(), Long.MAX_VALUE);
            Subscriber two = subscribe(shared.retry(), Long.MAX_VALUE);
            for (int round = 1; round <= 100; round++) {
                int number = round;
                events.sink.error(new IllegalStateException("again"));
                await().pollInterval(Duration.ofMillis(1)).until(() -> events.registered.get() == number + 1);
                awaitTasks();
                events.fire(round, 1);
                await().pollInterval(Duration.ofMillis(1))
                        .until(() -> one.values.contains((long) number) && two.values.contains((long) number));
            }
            assertThat(events.registered).hasValue(101);
            one.cancel();
            two.cancel();
        }

        @Test
        void isFollowedByANewRegistrationOnRepeat() {
            AtomicInteger completed = new AtomicInteger();
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                events.register(sink);
                sink.runLoop(() -> {
                    events.fire(events.registered.get(), 1);
                    return 0;
                });
            });
            StepVerifier.create(shared.doOnComplete(completed::incrementAndGet).repeat(49))
                    .expectNextSequence(range(1, 51))
                    .verifyComplete();
            assertThat(completed).hasValue(50);
            assertThat(events.registered).hasValue(50);
        }
    }

    @Nested
    class A_subscriber_that_cancels_in_onSubscribe {

        @Test
        void leavesNothingBehind() {
            Flux<Long> shared = NativeFlux.share(options, events);
            for (int round = 0; round < 100_000; round++) {
                shared.subscribe(new CancelsAtOnce());
            }
            awaitTasks();
            assertThat(events.registered).hasValue(0);
        }

        @Test
        void leavesTheOthersAlone() {
            Flux<Long> shared = NativeFlux.share(options, events);
            Subscriber one = subscribe(shared, Long.MAX_VALUE);
            for (int round = 0; round < 1_000; round++) {
                shared.subscribe(new CancelsAtOnce());
                shared.subscribe().dispose();
                shared.take(0).blockLast();
            }
            awaitTasks();
            events.fire(0, 10);
            await().untilAsserted(() -> assertThat(one.values).isEqualTo(range(0, 10)));
            assertThat(events.registered).hasValue(1);
            one.cancel();
        }
    }

    static final class CancelsAtOnce extends BaseSubscriber<Long> {

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            subscription.cancel();
        }

        @Override
        protected void hookFinally(SignalType type) {}
    }

    @Nested
    class A_registration_that_ends_its_stream {

        @Test
        void isUndoneOnceItHasReturned() {
            List<String> order = new CopyOnWriteArrayList<>();
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                sink.complete();
                sink.onDispose(() -> order.add("undone"));
                sink.callback(OnEvent.class, (thread, sequence, id) -> {});
                order.add("registered");
            });
            StepVerifier.create(shared.doOnComplete(() -> order.add("completed")))
                    .expectComplete()
                    .verify(Duration.ofSeconds(10));
            assertThat(order).containsExactly("registered", "undone", "completed");
        }

        @Test
        void andThrowsAfterwardsHasADroppedError() {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                IllegalStateException late = new IllegalStateException("after complete");
                StepVerifier.create(NativeFlux.<Long>share(options, sink -> {
                            sink.complete();
                            throw late;
                        }))
                        .expectComplete()
                        .verify(Duration.ofSeconds(10));
                assertThat(dropped).containsExactly(late);
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }
    }

    @Nested
    class A_registration_that_throws {

        @Test
        void isUndoneAndFailsAllThatHaveJoined() {
            IllegalStateException failure = new IllegalStateException("cannot register");
            AtomicBoolean broken = new AtomicBoolean(true);
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                events.register(sink);
                if (broken.get()) {
                    throw failure;
                }
            });
            StepVerifier.create(shared)
                    .expectErrorSatisfies(e -> assertThat(e).isSameAs(failure))
                    .verify(Duration.ofSeconds(10));
            assertThat(events.live).hasValue(0);
            assertThat(events.registered).hasValue(1);
            broken.set(false);
            Subscriber one = subscribe(shared, Long.MAX_VALUE);
            events.fire(0, 3);
            await().untilAsserted(() -> assertThat(one.values).isEqualTo(range(0, 3)));
            assertThat(events.registered).hasValue(2);
            one.cancel();
        }

        @Test
        void neverLeavesTwoAliveWhenItIsRetried() {
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                events.register(sink);
                throw new IllegalStateException("cannot register");
            });
            StepVerifier.create(shared.retry(50)).expectError().verify(Duration.ofSeconds(10));
            assertThat(events.registered).hasValue(51);
        }
    }

    @Nested
    class A_scheduler_that_is_disposed {

        @Test
        void endsAllAndUnregistersOnce() {
            Flux<Long> shared = NativeFlux.share(options, events);
            Subscriber one = subscribe(shared, Long.MAX_VALUE);
            Subscriber two = subscribe(shared, 0);
            scheduler.disposeGracefully().block(Duration.ofSeconds(10));
            assertThat(one.error).isInstanceOf(RejectedExecutionException.class);
            assertThat(two.error).isInstanceOf(RejectedExecutionException.class);
            assertThat(events.live).hasValue(0);
            assertThat(events.registered).hasValue(1);
            StepVerifier.create(shared).verifyError(RejectedExecutionException.class);
            assertThat(events.registered).hasValue(1);
        }
    }
}
