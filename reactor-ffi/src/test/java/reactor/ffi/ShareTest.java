package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.SignalType;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestEvents;
import reactor.ffi.fixture.TestScheduler;
import reactor.test.StepVerifier;

/** The statements on shared streams. */
@Timeout(60)
class ShareTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("ShareTest");

    private final CallbackOptions options = loop.options;
    private final TestEvents events = new TestEvents();
    private final AtomicInteger live = new AtomicInteger();
    private final AtomicInteger mostLive = new AtomicInteger();

    /** On which registrations have come and gone. */
    private final List<Thread> threads = new CopyOnWriteArrayList<>();

    @AfterEach
    void neverTwoAreAliveAndNoneIsLeft() {
        loop.scheduler.disposeGracefully().block(SOON);
        assertThat(live).hasValue(0);
        assertThat(mostLive.get()).isLessThanOrEqualTo(1);
    }

    private void register(NativeSink<Long> sink) {
        mostLive.accumulateAndGet(live.incrementAndGet(), Math::max);
        threads.add(Thread.currentThread());
        sink.onDispose(() -> {
            threads.add(Thread.currentThread());
            live.decrementAndGet();
        });
        events.register(sink);
    }

    private Flux<Long> share(CallbackOptions options) {
        return NativeFlux.share(options, this::register);
    }

    private Recorder subscribe(Flux<Long> shared, long demand) {
        Recorder subscriber = new Recorder(demand);
        shared.subscribe(subscriber);
        loop.settle();
        return subscriber;
    }

    private static List<Long> range(long from, long to) {
        return LongStream.range(from, to).boxed().toList();
    }

    @Nested
    class OneRegistration {

        @Test
        void servesAllSubscribers() {
            Flux<Long> shared = share(options);
            Recorder one = subscribe(shared, Long.MAX_VALUE);
            Recorder two = subscribe(shared, Long.MAX_VALUE);
            events.fire(0, 1_000);
            Recorder late = subscribe(shared, Long.MAX_VALUE);
            events.fire(1_000, 10);
            await().untilAsserted(() -> {
                assertThat(one.values).isEqualTo(range(0, 1_010));
                assertThat(two.values).isEqualTo(range(0, 1_010));
                assertThat(late.values).isEqualTo(range(1_000, 1_010));
            });
            assertThat(events.registered).hasValue(1);
            assertThat(one.threads).containsOnly(loop.scheduler.thread());
        }

        @Test
        void comesWithTheFirstSubscriberGoesWithTheLastAndComesAnewWithTheNext() {
            Flux<Long> shared = share(options);
            assertThat(events.registered).hasValue(0);
            for (int round = 1; round <= 3; round++) {
                Recorder one = subscribe(shared, Long.MAX_VALUE);
                Recorder two = subscribe(shared, Long.MAX_VALUE);
                assertThat(events.registered).hasValue(round);
                one.cancel();
                loop.settle();
                assertThat(live).hasValue(1);
                two.cancel();
                await().untilAsserted(() -> assertThat(live).hasValue(0));
            }
            assertThat(threads).hasSize(6).containsOnly(loop.scheduler.thread());
        }

        @Test
        void mayBeJoinedAndLeftInsideOnNext() {
            Flux<Long> shared = share(options);
            Recorder inner = new Recorder(Long.MAX_VALUE);
            Disposable outer =
                    shared.take(1).doOnNext(value -> shared.subscribe(inner)).subscribe();
            loop.settle();
            events.fire(0, 1);
            await().until(outer::isDisposed);
            loop.settle();
            events.fire(1, 5);
            await().untilAsserted(() -> assertThat(inner.values).isEqualTo(range(1, 6)));
            inner.cancel();
        }

        @Test
        void knowsTheFirstSubscribersContextTheSmallestDemandAndUnboundedDemandOnce() {
            List<Long> asked = new CopyOnWriteArrayList<>();
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                register(sink);
                sink.onRequest(asked::add);
            });
            Disposable first =
                    shared.contextWrite(context -> context.put("who", "first")).subscribe();
            Recorder second = new Recorder(7);
            shared.contextWrite(context -> context.put("who", "second")).subscribe(second);
            loop.settle();
            NativeSink<Long> sink = events.sink;
            assertThat(sink.contextView().<String>get("who")).isEqualTo("first");
            assertThat(sink.requestedFromDownstream()).isEqualTo(7);
            assertThat(sink.scheduler()).isSameAs(loop.scheduler);
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
    class TheConsumerOfDemand {

        @Test
        void isNotCalledOnceTheRegistrationIsUndone() {
            List<Long> asked = new CopyOnWriteArrayList<>();
            Flux<Long> shared = share(options);
            Recorder one = subscribe(shared, Long.MAX_VALUE);
            one.cancel();
            await().untilAsserted(() -> assertThat(live).hasValue(0));
            events.sink.onRequest(asked::add);
            loop.settle();
            assertThat(asked).isEmpty();
        }

        @Test
        void thatThrowsFailsAllAndWhatItThrowsAfterAnErrorOfItsOwnIsReported() throws Exception {
            List<Throwable> reported = new CopyOnWriteArrayList<>();
            Schedulers.onHandleError((thread, error) -> reported.add(error));
            try {
                IllegalStateException own = new IllegalStateException("own");
                IllegalStateException thrown = new IllegalStateException("thrown");
                Flux<Long> shared = NativeFlux.share(options, sink -> {
                    register(sink);
                    sink.onRequest(n -> {
                        throw thrown;
                    });
                });
                Recorder one = subscribe(shared, Long.MAX_VALUE);
                assertThat(one.error()).isSameAs(thrown);
                assertThat(reported).isEmpty();

                Flux<Long> failed = NativeFlux.share(options, sink -> {
                    register(sink);
                    sink.onRequest(n -> {
                        sink.error(own);
                        throw thrown;
                    });
                });
                Recorder two = subscribe(failed, Long.MAX_VALUE);
                assertThat(two.error()).isSameAs(own);
                assertThat(reported).containsExactly(thrown);
            } finally {
                Schedulers.resetOnHandleError();
            }
        }
    }

    @Nested
    class ASlowSubscriber {

        @Test
        void hurtsOnlyItself() {
            List<Object> discarded = new CopyOnWriteArrayList<>();
            Flux<Long> shared = share(options.overflow(Overflow.dropNewest(4)));
            Recorder fast = subscribe(shared, Long.MAX_VALUE);
            Recorder slow = new Recorder(0);
            shared.doOnDiscard(Long.class, discarded::add).subscribe(slow);
            loop.settle();
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
            Flux<Long> shared = share(options);
            Recorder fast = subscribe(shared, Long.MAX_VALUE);
            Recorder slow = subscribe(shared, 2);
            events.fire(0, 10);
            await().untilAsserted(() -> assertThat(fast.values).isEqualTo(range(0, 10)));
            loop.settle();
            assertThat(slow.values).isEqualTo(range(0, 2));
            slow.request(3);
            await().untilAsserted(() -> assertThat(slow.values).isEqualTo(range(0, 5)));
        }

        @Test
        void endsAloneWhereAFullQueueIsAnError() throws Exception {
            Flux<Long> shared = share(options.overflow(Overflow.error(4)));
            Recorder fast = subscribe(shared, Long.MAX_VALUE);
            Recorder slow = subscribe(shared, 0);
            for (int n = 0; n < 20; n++) {
                int value = n;
                events.fire(value, 1);
                await().pollInterval(Duration.ofMillis(1)).until(() -> fast.values.size() > value);
            }
            slow.request(10);
            assertThat(slow.error()).hasMessageContaining("is full");
            assertThat(slow.values).isEqualTo(range(0, 4));
            events.fire(20, 1);
            await().untilAsserted(() -> assertThat(fast.values).isEqualTo(range(0, 21)));
            assertThat(events.registered).hasValue(1);
        }

        @Test
        void decidesForAllWhereNativeThreadsWait() throws Exception {
            Flux<Long> shared = share(options.overflow(Overflow.block(4, Duration.ofSeconds(30))));
            Recorder fast = subscribe(shared, Long.MAX_VALUE);
            Recorder slow = subscribe(shared, 0);
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
        void pastTheLimitEndsAlone() throws Exception {
            Flux<Long> shared = share(options.overflow(Overflow.block(4, Duration.ofMillis(100))));
            Recorder slow = subscribe(shared, 0);
            Recorder fast = subscribe(shared, Long.MAX_VALUE);
            events.fire(0, 10);
            slow.request(10);
            assertThat(slow.error()).hasMessageContaining("waited");
            await().untilAsserted(() -> assertThat(fast.values).isEqualTo(range(0, 10)));
        }

        @Test
        void thatCancelsLetsTheOthersGoOn() throws Exception {
            Flux<Long> shared = share(options.overflow(Overflow.block(4, Duration.ofSeconds(30))));
            Recorder slow = subscribe(shared, 0);
            Recorder fast = subscribe(shared, Long.MAX_VALUE);
            Thread native10 = new Thread(() -> events.fire(0, 10));
            native10.start();
            await().until(() -> fast.values.size() == 4);
            slow.cancel();
            native10.join();
            await().untilAsserted(() -> assertThat(fast.values).isEqualTo(range(0, 10)));
        }
    }

    @Nested
    class TheEndOfTheSource {

        @Test
        void completesAllAfterTheUnregisterAndAfterTheirValues() {
            List<String> order = new CopyOnWriteArrayList<>();
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                register(sink);
                sink.onDispose(() -> order.add("unregistered"));
            });
            Recorder slow = subscribe(shared.doOnComplete(() -> order.add("slow")), 0);
            Disposable fast = shared.doFinally(signal -> order.add("fast")).subscribe();
            loop.settle();
            events.fire(0, 3);
            events.sink.complete();
            await().until(fast::isDisposed);
            assertThat(order).containsExactly("unregistered", "fast");
            assertThat(slow.end).isNotDone();
            slow.request(3);
            await().untilAsserted(() -> assertThat(order).containsExactly("unregistered", "fast", "slow"));
            assertThat(slow.values).isEqualTo(range(0, 3));
        }

        /** It has seen the first registration end, and cancels in the time of the second. */
        @Test
        void aSubscriberOfAnEarlierRegistrationIsNotKeptByTheNext() {
            Flux<Long> shared = share(options);
            WeakReference<Recorder> slow = slowOneThatLeavesLate(shared);
            await().untilAsserted(() -> {
                System.gc();
                assertThat(slow.refersTo(null)).isTrue();
            });
            assertThat(live).hasValue(1);
        }

        private WeakReference<Recorder> slowOneThatLeavesLate(Flux<Long> shared) {
            Recorder slow = subscribe(shared, 0);
            events.fire(0, 3);
            events.sink.complete();
            await().untilAsserted(() -> assertThat(live).hasValue(0));
            Recorder next = subscribe(shared, 10);
            slow.cancel();
            await().untilAsserted(() -> assertThat(live).hasValue(1));
            events.fire(7, 1);
            await().untilAsserted(() -> assertThat(next.values).containsExactly(7L));
            return new WeakReference<>(slow);
        }

        @Test
        void failsAllAfterTheUnregister() throws Exception {
            IllegalStateException failure = new IllegalStateException("the source is broken");
            Flux<Long> shared = share(options);
            List<Integer> liveAtError = new CopyOnWriteArrayList<>();
            Flux<Long> watched = shared.doOnError(e -> liveAtError.add(live.get()));
            Recorder one = subscribe(watched, Long.MAX_VALUE);
            Recorder two = subscribe(watched, Long.MAX_VALUE);
            events.sink.error(failure);
            assertThat(one.error()).isSameAs(failure);
            assertThat(two.error()).isSameAs(failure);
            assertThat(liveAtError).containsExactly(0, 0);
        }

        @Test
        void failsAllWithTheSourcesErrorAndDropsThatOfTheUnregister() throws Exception {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                IllegalStateException failure = new IllegalStateException("the source is broken");
                IllegalStateException unregister = new IllegalStateException("so is its unregister");
                Flux<Long> shared = NativeFlux.share(options, sink -> {
                    register(sink);
                    sink.onDispose(() -> {
                        throw unregister;
                    });
                });
                Recorder one = subscribe(shared, Long.MAX_VALUE);
                Recorder two = subscribe(shared, Long.MAX_VALUE);
                events.sink.error(failure);
                assertThat(List.of(one.error(), two.error())).containsOnly(failure);
                await().untilAsserted(() -> assertThat(dropped).containsExactly(unregister));
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }

        @Test
        void byAHandlerThatThrowsFailsAll() throws Exception {
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                register(sink);
                events.pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                    throw new IllegalStateException("broken handler");
                });
            });
            Recorder one = subscribe(shared, Long.MAX_VALUE);
            Recorder two = subscribe(shared, Long.MAX_VALUE);
            events.fire(0, 3);
            assertThat(one.error()).hasMessage("broken handler");
            assertThat(two.error()).isSameAs(one.error());
        }

        @Test
        void givesWhatComesWithNobodyThereToTheDiscardHookOfWhoWasThereLast() {
            List<Long> ofFirst = new CopyOnWriteArrayList<>();
            List<Long> ofLast = new CopyOnWriteArrayList<>();
            Flux<Long> shared = share(options);
            Disposable last = shared.doOnDiscard(Long.class, ofLast::add).subscribe();
            Disposable first = shared.doOnDiscard(Long.class, ofFirst::add).subscribe();
            loop.settle();
            first.dispose();
            await().until(() -> loop.metrics().subscribers() == 1);
            last.dispose();
            await().until(() -> live.get() == 0);
            assertThat(events.sink.next(1L)).isFalse();
            assertThat(ofLast).containsExactly(1L);
            assertThat(ofFirst).isEmpty();
        }

        @Test
        void discardsWhatComesLater() throws Exception {
            Flux<Long> shared = share(options);
            Recorder one = subscribe(shared, Long.MAX_VALUE);
            Runnable goOn = loop.hold(); // so that the end is not handled before the value comes
            long before = loop.metrics().discarded();
            assertThat(events.sink.next(1L)).isTrue();
            events.sink.complete();
            assertThat(events.sink.isCancelled()).isTrue();
            assertThat(events.sink.next(2L)).isFalse();
            events.fire(3, 1);
            goOn.run();
            assertThat(one.end()).startsWith("onComplete");
            assertThat(one.values).containsExactly(1L);
            assertThat(loop.metrics().discarded() - before).isEqualTo(2);
        }

        @Test
        void inAnErrorThatNobodyIsLeftToHearIsADroppedError() {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                IllegalStateException failure = new IllegalStateException("too late");
                Flux<Long> shared = share(options);
                Recorder one = subscribe(shared, Long.MAX_VALUE);
                Runnable goOn = loop.hold();
                one.cancel();
                goOn.run();
                await().untilAsserted(() -> assertThat(live).hasValue(0));
                events.sink.error(failure);
                await().untilAsserted(() -> assertThat(dropped).containsExactly(failure));
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }

        @Test
        void isFollowedByOneNewRegistrationWhenAllRetry() {
            Flux<Long> shared = share(options);
            Recorder one = subscribe(shared.retry(), Long.MAX_VALUE);
            Recorder two = subscribe(shared.retry(), Long.MAX_VALUE);
            for (int round = 1; round <= 100; round++) {
                int number = round;
                events.sink.error(new IllegalStateException("again"));
                await().pollInterval(Duration.ofMillis(1)).until(() -> events.registered.get() == number + 1);
                loop.settle();
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
                register(sink);
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
    class ASubscriberThatCancelsInOnSubscribe {

        @Test
        void leavesNothingBehind() {
            Flux<Long> shared = share(options);
            for (int round = 0; round < 100_000; round++) {
                shared.subscribe(new CancelsAtOnce());
            }
            loop.settle();
            assertThat(events.registered).hasValue(0);
        }

        @Test
        void leavesTheOthersAlone() {
            Flux<Long> shared = share(options);
            Recorder one = subscribe(shared, Long.MAX_VALUE);
            for (int round = 0; round < 1_000; round++) {
                shared.subscribe(new CancelsAtOnce());
                shared.subscribe().dispose();
                shared.take(0).blockLast();
            }
            loop.settle();
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
    class ARegistrationThatEndsItsStream {

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
    class ARegistrationThatThrows {

        @Test
        void isUndoneAndFailsAllThatHaveJoined() {
            IllegalStateException failure = new IllegalStateException("cannot register");
            AtomicBoolean broken = new AtomicBoolean(true);
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                register(sink);
                if (broken.get()) {
                    throw failure;
                }
            });
            StepVerifier.create(shared)
                    .expectErrorSatisfies(e -> assertThat(e).isSameAs(failure))
                    .verify(Duration.ofSeconds(10));
            assertThat(live).hasValue(0);
            assertThat(events.registered).hasValue(1);
            broken.set(false);
            Recorder one = subscribe(shared, Long.MAX_VALUE);
            events.fire(0, 3);
            await().untilAsserted(() -> assertThat(one.values).isEqualTo(range(0, 3)));
            assertThat(events.registered).hasValue(2);
            one.cancel();
        }

        @Test
        void neverLeavesTwoAliveWhenItIsRetried() {
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                register(sink);
                throw new IllegalStateException("cannot register");
            });
            StepVerifier.create(shared.retry(50)).expectError().verify(Duration.ofSeconds(10));
            assertThat(events.registered).hasValue(51);
        }
    }

    @Nested
    class ASchedulerThatIsDisposed {

        @Test
        void endsAllAndUnregistersOnce() throws Exception {
            Flux<Long> shared = share(options);
            Recorder one = subscribe(shared, Long.MAX_VALUE);
            Recorder two = subscribe(shared, 0);
            loop.scheduler.disposeGracefully().block(Duration.ofSeconds(10));
            assertThat(one.error()).isInstanceOf(RejectedExecutionException.class);
            assertThat(two.error()).isInstanceOf(RejectedExecutionException.class);
            assertThat(live).hasValue(0);
            assertThat(events.registered).hasValue(1);
            StepVerifier.create(shared).verifyError(RejectedExecutionException.class);
            assertThat(events.registered).hasValue(1);
        }
    }
}
