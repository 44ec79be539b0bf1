package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.CapturedLog;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestEvents;
import reactor.ffi.fixture.TestScheduler;
import reactor.test.StepVerifier;

/** A subscription from its registration to its end. */
class NativeFluxTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("NativeFluxTest");

    private final String name = loop.name;
    private final CallbackOptions options = loop.options;
    private final TestEvents events = new TestEvents();

    @Nested
    class Registering {

        @Test
        void subscribingRegistersOnceAndCancellingUnregistersOnce() throws Exception {
            Disposable subscription = events.flux(options).subscribe();
            events.fire(1, 3);
            assertThat(events.registered).hasValue(1);
            assertThat(events.unregistered).hasValue(0);

            subscription.dispose();
            subscription.dispose();
            loop.settle();
            assertThat(events.registered).hasValue(1);
            assertThat(events.unregistered).hasValue(1);
        }

        @Test
        void eachSubscriberHasARegistrationOfItsOwn() throws Exception {
            Flux<Long> flux = events.flux(options);
            Recorder first = new Recorder(10);
            flux.subscribe(first);
            MemorySegment firstPointer = events.pointer;
            Recorder second = new Recorder(10);
            flux.subscribe(second);
            assertThat(events.registered).hasValue(2);

            Calls.fromThreads(firstPointer, 1, 1, 1);
            events.fire(2, 1);
            loop.settle();
            assertThat(first.values).containsExactly(1L);
            assertThat(second.values).containsExactly(2L);
            first.cancel();
            loop.settle();
            assertThat(events.unregistered).hasValue(1);
            second.cancel();
        }

        @Test
        void itRunsOnTheSubscribingThreadAfterOnSubscribe() {
            List<Object> seen = new ArrayList<>();
            NativeFlux.<Long>create(options, sink -> {
                        seen.add("register");
                        seen.add(Thread.currentThread());
                        sink.complete();
                    })
                    .doOnSubscribe(subscription -> seen.add("onSubscribe"))
                    .blockLast(SOON);
            assertThat(seen).containsExactly("onSubscribe", "register", Thread.currentThread());
        }

        @Test
        void nothingIsRegisteredWhenCancelledInOnSubscribe() throws Exception {
            events.flux(options).subscribe(new BaseSubscriber<>() {
                @Override
                protected void hookOnSubscribe(Subscription subscription) {
                    subscription.cancel();
                }
            });
            loop.settle();
            assertThat(events.registered).hasValue(0);
        }

        @Test
        void aCancelDuringRegistrationWaitsForIt() throws Exception {
            CountDownLatch registering = new CountDownLatch(1);
            CountDownLatch goOn = new CountDownLatch(1);
            List<String> trace = new CopyOnWriteArrayList<>();
            Recorder recorder = new Recorder(1);
            Thread subscriber = new Thread(() -> NativeFlux.<Long>create(options, sink -> {
                        sink.onDispose(() -> trace.add("unregistered"));
                        registering.countDown();
                        awaitLatch(goOn);
                        trace.add("registered");
                    })
                    .subscribe(recorder));
            subscriber.start();
            awaitLatch(registering);
            recorder.cancel();
            loop.settle();
            assertThat(trace).isEmpty();

            goOn.countDown();
            subscriber.join();
            loop.settle();
            assertThat(trace).containsExactly("registered", "unregistered");
        }

        @Test
        void aCallbackOfACancelledRegistrationIsInert() throws Exception {
            Recorder recorder = new Recorder(1);
            List<Object> handled = new CopyOnWriteArrayList<>();
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            NativeFlux.<Long>create(options, sink -> {
                        recorder.cancel();
                        pointer.set(sink.callback(OnEvent.class, (thread, sequence, id) -> handled.add(id)));
                        Calls.fromThreads(pointer.get(), 1, 1, 7);
                    })
                    .subscribe(recorder);
            loop.settle();
            Calls.fromThreads(pointer.get(), 1, 1, 8);
            assertThat(handled).isEmpty();
            assertThat(loop.metrics().lateCalls()).isEqualTo(2);
        }

        @Test
        void callbackAfterTheEndIsRefused() throws Exception {
            events.flux(options).subscribe().dispose();
            loop.settle();
            assertThatThrownBy(() -> events.sink.callback(OnEvent.class, (thread, sequence, id) -> {}))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining(name)
                    .hasMessageContaining("has ended");
            assertThatThrownBy(() -> events.sink.releaseNotify()).isInstanceOf(IllegalStateException.class);
        }

        @Test
        void oneThatThrowsIsUndoneInReverseOrderAndErrorsOnTheScheduler() throws Exception {
            List<String> undone = new CopyOnWriteArrayList<>();
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            Recorder recorder = new Recorder(1);
            NativeFlux.<Long>create(options, sink -> {
                        sink.onDispose(() -> undone.add("first, " + loop.isCurrent()));
                        pointer.set(sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(id)));
                        sink.onDispose(() -> undone.add("second, " + loop.isCurrent()));
                        throw new java.io.IOException("no device");
                    })
                    .subscribe(recorder);
            assertThat(recorder.end()).isEqualTo("onError on " + name);
            assertThat(recorder.error()).isInstanceOf(java.io.IOException.class).hasMessage("no device");
            assertThat(undone).containsExactly("second, true", "first, true");
            Calls.fromThreads(pointer.get(), 1, 1, 7);
            assertThat(loop.metrics().lateCalls()).isEqualTo(1);
        }

        @ParameterizedTest
        @ValueSource(strings = {"create", "share"})
        void whatOneThrowsAfterItHasFailedTheStreamIsSuppressedUnderThatError(String kind) throws Exception {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                Registration<NativeSink<Long>> registration = sink -> {
                    events.register(sink);
                    sink.error(new java.io.IOException("no device"));
                    throw new IllegalStateException("nor another");
                };
                Recorder recorder = new Recorder(1);
                (kind.equals("create")
                                ? NativeFlux.create(options, registration)
                                : NativeFlux.share(options, registration))
                        .subscribe(recorder);
                assertThat(recorder.error()).hasMessage("no device");
                assertThat(recorder.error().getSuppressed())
                        .extracting(Throwable::getMessage)
                        .contains("nor another");
                assertThat(events.unregistered).hasValue(1);
                loop.settle();
                assertThat(dropped).isEmpty();
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }

        @Test
        void oneThatThrowsAfterItHasCompletedTheStreamHasADroppedError() throws Exception {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                Recorder recorder = new Recorder(1);
                NativeFlux.<Long>create(options, sink -> {
                            sink.complete();
                            throw new java.io.IOException("no device");
                        })
                        .subscribe(recorder);
                assertThat(recorder.end()).isEqualTo("onComplete on " + name);
                assertThat(dropped).singleElement().asString().contains("no device");
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }

        /** take(1).repeat() and switchMap resubscribe as soon as they have cancelled. */
        @Test
        void itWaitsForTheEndOfTheOneThatWasCancelledBefore() throws Exception {
            Flux<Long> flux = events.flux(options);
            Disposable first = flux.subscribe();
            Disposable other = flux.subscribe();
            Runnable release = loop.hold();
            first.dispose();
            Recorder second = new Recorder(1);
            flux.subscribe(second);
            assertThat(events.registered).as("the first is registered still").hasValue(2);
            assertThat(events.unregistered).hasValue(0);

            release.run();
            loop.settle();
            assertThat(events.registered).hasValue(3);
            assertThat(events.unregistered).hasValue(1);
            events.fire(5, 1);
            loop.settle();
            assertThat(second.values).containsExactly(5L);
            second.cancel();
            other.dispose();
        }

        @Test
        void oneThatWaitedAndWasCancelledMeanwhileNeverRuns() throws Exception {
            Flux<Long> flux = events.flux(options);
            Disposable first = flux.subscribe();
            Runnable release = loop.hold();
            first.dispose();
            flux.subscribe().dispose();
            flux.subscribe().dispose();
            release.run();
            loop.settle();
            assertThat(events.registered).hasValue(1);
            assertThat(events.unregistered).hasValue(1);
        }
    }

    /** One registration after the other, never two alive. */
    @Nested
    class Resubscribing {

        private int alive;
        private int most;
        private int registrations;

        private Flux<Long> countingFlux() {
            return NativeFlux.create(options, sink -> {
                synchronized (this) {
                    registrations++;
                    most = Math.max(most, ++alive);
                }
                MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                    sink.next(sequence);
                    if (sequence == 2) {
                        sink.complete();
                    }
                });
                Source source = Source.events(pointer, 0);
                sink.onDispose(() -> {
                    source.close();
                    synchronized (this) {
                        alive--;
                    }
                });
                source.start(1, 3, 0);
            });
        }

        @Test
        void repeatRegistersAnew() {
            StepVerifier.create(countingFlux().repeat(20).count())
                    .expectNext(63L)
                    .expectComplete()
                    .verify(SOON);
            assertThat(registrations).isEqualTo(21);
            assertThat(most).isEqualTo(1);
        }

        @Test
        void retryRegistersAnew() {
            StepVerifier.create(countingFlux()
                            .map(value -> {
                                if (value == 1) {
                                    throw new IllegalStateException("again");
                                }
                                return value;
                            })
                            .retry(20))
                    .expectNextCount(21)
                    .expectErrorMessage("again")
                    .verify(SOON);
            assertThat(registrations).isEqualTo(21);
            assertThat(most).isEqualTo(1);
        }

        /** With a limit of 300 ms. */
        @Test
        void aRegistrationThatNeverReturnsHoldsTheNextSubscriptionBackNoLongerThanTheLimitAndIsNamed() {
            CountDownLatch goOn = new CountDownLatch(1);
            CountDownLatch registering = new CountDownLatch(1);
            AtomicInteger subscriptions = new AtomicInteger();
            AtomicInteger unregistered = new AtomicInteger();
            System.setProperty("reactor.ffi.registration.limit", "300");
            Flux<Long> flux;
            try {
                flux = NativeFlux.create(options, sink -> {
                    sink.onDispose(unregistered::incrementAndGet);
                    if (subscriptions.incrementAndGet() == 1) {
                        registering.countDown();
                        awaitLatch(goOn);
                    } else {
                        MemorySegment pointer =
                                sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                        Calls.fromThreads(pointer, 1, 2, 0);
                    }
                });
            } finally {
                System.clearProperty("reactor.ffi.registration.limit");
            }
            Recorder first = new Recorder(1);
            Thread stuck = new Thread(() -> flux.subscribe(first), "stuck in its registration");
            stuck.start();
            awaitLatch(registering);
            first.cancel();
            try (CapturedLog log = CapturedLog.start()) {
                StepVerifier.create(flux.take(2))
                        .expectNext(0L, 1L)
                        .expectComplete()
                        .verify(SOON);
                StepVerifier.create(flux.take(1))
                        .expectNext(0L)
                        .expectComplete()
                        .verify(SOON);
                assertThat(log.count("whose registration has not returned")).isEqualTo(1);
                assertThat(log.text()).contains(options.name(), "\"stuck in its registration\"", "await");
            }
            Awaitility.await().until(() -> unregistered.get() == 2); // the one that is stuck is not
            goOn.countDown();
            Awaitility.await().until(() -> unregistered.get() == 3);
        }

        @Test
        void takeAndRepeatOnAnotherThreadRegistersAnew() {
            StepVerifier.create(countingFlux()
                            .publishOn(Schedulers.parallel())
                            .take(1)
                            .repeat(200))
                    .expectNextCount(201)
                    .expectComplete()
                    .verify(SOON);
            assertThat(registrations).isEqualTo(201);
            assertThat(most).isEqualTo(1);
        }

        @Test
        void usingAndFlatMapAroundIt() {
            List<String> trace = new CopyOnWriteArrayList<>();
            StepVerifier.create(Flux.range(0, 3)
                            .flatMap(i -> Flux.using(() -> "r" + i, resource -> countingFlux(), trace::add))
                            .count())
                    .expectNext(9L)
                    .expectComplete()
                    .verify(SOON);
            assertThat(trace).containsExactlyInAnyOrder("r0", "r1", "r2");
            assertThat(alive).isZero();
        }
    }
}
