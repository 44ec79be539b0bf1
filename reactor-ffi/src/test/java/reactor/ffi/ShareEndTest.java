package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.SharedEvents;
import reactor.ffi.fixture.TestEvents;
import reactor.ffi.fixture.TestScheduler;
import reactor.test.StepVerifier;

/** The statements on the end of shared streams. */
@Timeout(60)
class ShareEndTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("ShareEndTest");

    private final CallbackOptions options = loop.options;
    private final SharedEvents source = new SharedEvents(loop);
    private final TestEvents events = source.events;

    private static List<Long> range(long from, long to) {
        return LongStream.range(from, to).boxed().toList();
    }

    @Nested
    class TheEndOfTheSource {

        @Test
        void completesAllAfterTheUnregisterAndAfterTheirValues() {
            List<String> order = new CopyOnWriteArrayList<>();
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                source.register(sink);
                sink.onDispose(() -> order.add("unregistered"));
            });
            Recorder slow = source.subscribe(shared.doOnComplete(() -> order.add("slow")), 0);
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
            Flux<Long> shared = source.share(options);
            WeakReference<Recorder> slow = slowOneThatLeavesLate(shared);
            await().untilAsserted(() -> {
                System.gc();
                assertThat(slow.refersTo(null)).isTrue();
            });
            assertThat(source.live).hasValue(1);
        }

        private WeakReference<Recorder> slowOneThatLeavesLate(Flux<Long> shared) {
            Recorder slow = source.subscribe(shared, 0);
            events.fire(0, 3);
            events.sink.complete();
            await().untilAsserted(() -> assertThat(source.live).hasValue(0));
            Recorder next = source.subscribe(shared, 10);
            slow.cancel();
            await().untilAsserted(() -> assertThat(source.live).hasValue(1));
            events.fire(7, 1);
            await().untilAsserted(() -> assertThat(next.values).containsExactly(7L));
            return new WeakReference<>(slow);
        }

        @Test
        void failsAllAfterTheUnregister() throws Exception {
            IllegalStateException failure = new IllegalStateException("the source is broken");
            Flux<Long> shared = source.share(options);
            List<Integer> liveAtError = new CopyOnWriteArrayList<>();
            Flux<Long> watched = shared.doOnError(e -> liveAtError.add(source.live.get()));
            Recorder one = source.subscribe(watched, Long.MAX_VALUE);
            Recorder two = source.subscribe(watched, Long.MAX_VALUE);
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
                    source.register(sink);
                    sink.onDispose(() -> {
                        throw unregister;
                    });
                });
                Recorder one = source.subscribe(shared, Long.MAX_VALUE);
                Recorder two = source.subscribe(shared, Long.MAX_VALUE);
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
                source.register(sink);
                events.pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                    throw new IllegalStateException("broken handler");
                });
            });
            Recorder one = source.subscribe(shared, Long.MAX_VALUE);
            Recorder two = source.subscribe(shared, Long.MAX_VALUE);
            events.fire(0, 3);
            assertThat(one.error()).hasMessage("broken handler");
            assertThat(two.error()).isSameAs(one.error());
        }

        @Test
        void givesWhatComesWithNobodyThereToTheDiscardHookOfWhoWasThereLast() {
            List<Long> ofFirst = new CopyOnWriteArrayList<>();
            List<Long> ofLast = new CopyOnWriteArrayList<>();
            Flux<Long> shared = source.share(options);
            Disposable last = shared.doOnDiscard(Long.class, ofLast::add).subscribe();
            Disposable first = shared.doOnDiscard(Long.class, ofFirst::add).subscribe();
            loop.settle();
            first.dispose();
            await().until(() -> loop.metrics().subscribers() == 1);
            last.dispose();
            await().until(() -> source.live.get() == 0);
            assertThat(events.sink.next(1L)).isFalse();
            assertThat(ofLast).containsExactly(1L);
            assertThat(ofFirst).isEmpty();
        }

        @Test
        void discardsWhatComesLater() throws Exception {
            Flux<Long> shared = source.share(options);
            Recorder one = source.subscribe(shared, Long.MAX_VALUE);
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
                Flux<Long> shared = source.share(options);
                Recorder one = source.subscribe(shared, Long.MAX_VALUE);
                Runnable goOn = loop.hold();
                one.cancel();
                goOn.run();
                await().untilAsserted(() -> assertThat(source.live).hasValue(0));
                events.sink.error(failure);
                await().untilAsserted(() -> assertThat(dropped).containsExactly(failure));
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }

        @Test
        void isFollowedByOneNewRegistrationWhenAllRetry() {
            Flux<Long> shared = source.share(options);
            Recorder one = source.subscribe(shared.retry(), Long.MAX_VALUE);
            Recorder two = source.subscribe(shared.retry(), Long.MAX_VALUE);
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
                source.register(sink);
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
                source.register(sink);
                if (broken.get()) {
                    throw failure;
                }
            });
            StepVerifier.create(shared)
                    .expectErrorSatisfies(e -> assertThat(e).isSameAs(failure))
                    .verify(Duration.ofSeconds(10));
            assertThat(source.live).hasValue(0);
            assertThat(events.registered).hasValue(1);
            broken.set(false);
            Recorder one = source.subscribe(shared, Long.MAX_VALUE);
            events.fire(0, 3);
            await().untilAsserted(() -> assertThat(one.values).isEqualTo(range(0, 3)));
            assertThat(events.registered).hasValue(2);
            one.cancel();
        }

        @Test
        void neverLeavesTwoAliveWhenItIsRetried() {
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                source.register(sink);
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
            Flux<Long> shared = source.share(options);
            Recorder one = source.subscribe(shared, Long.MAX_VALUE);
            Recorder two = source.subscribe(shared, 0);
            loop.scheduler.disposeGracefully().block(Duration.ofSeconds(10));
            assertThat(one.error()).isInstanceOf(RejectedExecutionException.class);
            assertThat(two.error()).isInstanceOf(RejectedExecutionException.class);
            assertThat(source.live).hasValue(0);
            assertThat(events.registered).hasValue(1);
            StepVerifier.create(shared).verifyError(RejectedExecutionException.class);
            assertThat(events.registered).hasValue(1);
        }
    }
}
