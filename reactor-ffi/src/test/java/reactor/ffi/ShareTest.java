package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.SignalType;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.SharedEvents;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestEvents;
import reactor.ffi.fixture.TestScheduler;

/** The statements on shared streams. */
@Timeout(60)
class ShareTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("ShareTest");

    private final CallbackOptions options = loop.options;
    private final SharedEvents source = new SharedEvents(loop);
    private final TestEvents events = source.events;

    private static List<Long> range(long from, long to) {
        return LongStream.range(from, to).boxed().toList();
    }

    @Nested
    class OneRegistration {

        @Test
        void servesAllSubscribers() {
            Flux<Long> shared = source.share(options);
            Recorder one = source.subscribe(shared, Long.MAX_VALUE);
            Recorder two = source.subscribe(shared, Long.MAX_VALUE);
            events.fire(0, 1_000);
            Recorder late = source.subscribe(shared, Long.MAX_VALUE);
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
            Flux<Long> shared = source.share(options);
            assertThat(events.registered).hasValue(0);
            for (int round = 1; round <= 3; round++) {
                Recorder one = source.subscribe(shared, Long.MAX_VALUE);
                Recorder two = source.subscribe(shared, Long.MAX_VALUE);
                assertThat(events.registered).hasValue(round);
                one.cancel();
                loop.settle();
                assertThat(source.live).hasValue(1);
                two.cancel();
                await().untilAsserted(() -> assertThat(source.live).hasValue(0));
            }
            assertThat(source.threads).hasSize(6).containsOnly(loop.scheduler.thread());
        }

        @Test
        void mayBeJoinedAndLeftInsideOnNext() {
            Flux<Long> shared = source.share(options);
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
                source.register(sink);
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
                Source firing = Source.events(pointer, 1).start(2, -1, 20_000);
                sink.onDispose(() -> {
                    firing.stop();
                    firing.close();
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
            Flux<Long> shared = source.share(options);
            Recorder one = source.subscribe(shared, Long.MAX_VALUE);
            one.cancel();
            await().untilAsserted(() -> assertThat(source.live).hasValue(0));
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
                    source.register(sink);
                    sink.onRequest(n -> {
                        throw thrown;
                    });
                });
                Recorder one = source.subscribe(shared, Long.MAX_VALUE);
                assertThat(one.error()).isSameAs(thrown);
                assertThat(reported).isEmpty();

                Flux<Long> failed = NativeFlux.share(options, sink -> {
                    source.register(sink);
                    sink.onRequest(n -> {
                        sink.error(own);
                        throw thrown;
                    });
                });
                Recorder two = source.subscribe(failed, Long.MAX_VALUE);
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
            Flux<Long> shared = source.share(options.overflow(Overflow.dropNewest(4)));
            Recorder fast = source.subscribe(shared, Long.MAX_VALUE);
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
            Flux<Long> shared = source.share(options);
            Recorder fast = source.subscribe(shared, Long.MAX_VALUE);
            Recorder slow = source.subscribe(shared, 2);
            events.fire(0, 10);
            await().untilAsserted(() -> assertThat(fast.values).isEqualTo(range(0, 10)));
            loop.settle();
            assertThat(slow.values).isEqualTo(range(0, 2));
            slow.request(3);
            await().untilAsserted(() -> assertThat(slow.values).isEqualTo(range(0, 5)));
        }

        @Test
        void endsAloneWhereAFullQueueIsAnError() throws Exception {
            Flux<Long> shared = source.share(options.overflow(Overflow.error(4)));
            Recorder fast = source.subscribe(shared, Long.MAX_VALUE);
            Recorder slow = source.subscribe(shared, 0);
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
            Flux<Long> shared = source.share(options.overflow(Overflow.block(4, Duration.ofSeconds(30))));
            Recorder fast = source.subscribe(shared, Long.MAX_VALUE);
            Recorder slow = source.subscribe(shared, 0);
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
            Flux<Long> shared = source.share(options.overflow(Overflow.block(4, Duration.ofMillis(100))));
            Recorder slow = source.subscribe(shared, 0);
            Recorder fast = source.subscribe(shared, Long.MAX_VALUE);
            events.fire(0, 10);
            slow.request(10);
            assertThat(slow.error()).hasMessageContaining("waited");
            await().untilAsserted(() -> assertThat(fast.values).isEqualTo(range(0, 10)));
        }

        @Test
        void thatCancelsLetsTheOthersGoOn() throws Exception {
            Flux<Long> shared = source.share(options.overflow(Overflow.block(4, Duration.ofSeconds(30))));
            Recorder slow = source.subscribe(shared, 0);
            Recorder fast = source.subscribe(shared, Long.MAX_VALUE);
            Thread native10 = new Thread(() -> events.fire(0, 10));
            native10.start();
            await().until(() -> fast.values.size() == 4);
            slow.cancel();
            native10.join();
            await().untilAsserted(() -> assertThat(fast.values).isEqualTo(range(0, 10)));
        }
    }

    @Nested
    class ASubscriberThatCancelsInOnSubscribe {

        @Test
        void leavesNothingBehind() {
            Flux<Long> shared = source.share(options);
            for (int round = 0; round < 100_000; round++) {
                shared.subscribe(new CancelsAtOnce());
            }
            loop.settle();
            assertThat(events.registered).hasValue(0);
        }

        @Test
        void leavesTheOthersAlone() {
            Flux<Long> shared = source.share(options);
            Recorder one = source.subscribe(shared, Long.MAX_VALUE);
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
}
