package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.publisher.Hooks;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Raw;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestEvents;
import reactor.ffi.fixture.TestScheduler;
import reactor.test.StepVerifier;

/** The way of a value from a native thread to the subscriber, or to the discard hook. */
class NativeFluxValuesTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("NativeFluxValuesTest");

    private final CallbackScheduler scheduler = loop.scheduler;
    private final CallbackOptions options = loop.options;
    private final TestEvents events = new TestEvents();

    @Nested
    class Order {

        private static final int THREADS = 8;
        private static final int EACH = 20_000;

        @Test
        void valuesOfOneNativeThreadKeepTheirOrder() {
            long[] next = new long[THREADS];
            NativeFlux.<long[]>create(options, sink -> {
                        MemorySegment pointer = sink.callback(
                                OnEvent.class, (thread, sequence, id) -> sink.next(new long[] {thread, sequence}));
                        Source source = Source.events(pointer, 0);
                        sink.onDispose(source::close);
                        source.start(THREADS, EACH, 0);
                    })
                    .take((long) THREADS * EACH)
                    .doOnNext(value -> assertThat(value[1]).isEqualTo(next[(int) value[0]]++))
                    .blockLast(SOON);
            assertThat(next).containsOnly(EACH);
        }

        @Test
        void severalCallbacksShareOneSinkAndItsOrder() {
            List<Long> values = NativeFlux.<Long>create(options, sink -> {
                        MemorySegment even = sink.callback(OnEvent.class, (thread, i, id) -> sink.next(2 * i));
                        MemorySegment odd = sink.callback(OnEvent.class, (thread, i, id) -> sink.next(2 * i + 1));
                        MemorySegment both = sink.callback(OnEvent.class, (thread, i, id) -> {
                            Calls.n(even, 1, id);
                            Calls.n(odd, 1, id);
                            Calls.n(even, 2, id);
                        });
                        Calls.fromThreads(both, 1, 3, 0);
                        sink.complete();
                    })
                    .collectList()
                    .block(SOON);
            assertThat(values).containsExactly(0L, 1L, 0L, 2L, 0L, 1L, 0L, 2L, 0L, 1L, 0L, 2L);
        }

        @Test
        void onNextIsOnTheSchedulersThreadAndNeverOverlaps() {
            AtomicBoolean inside = new AtomicBoolean();
            AtomicInteger wrong = new AtomicInteger();
            NativeFlux.<Long>create(options, sink -> {
                        MemorySegment pointer =
                                sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                        Source source = Source.events(pointer, 0);
                        sink.onDispose(source::close);
                        source.start(THREADS, EACH, 0);
                    })
                    .take((long) THREADS * EACH)
                    .doOnNext(value -> {
                        if (!inside.compareAndSet(false, true) || !loop.isCurrent() || !scheduler.isCurrent()) {
                            wrong.incrementAndGet();
                        }
                        inside.set(false);
                    })
                    .blockLast(SOON);
            assertThat(wrong).hasValue(0);
        }
    }

    /** Fired on the scheduler's own thread. */
    @Nested
    class OnTheSchedulersThread {

        @Test
        void aValueIsDeliveredThereAndThen() throws Exception {
            Recorder recorder = new Recorder(2);
            events.flux(options).subscribe(recorder);
            loop.run(() -> {
                events.fireHere(1, 1);
                assertThat(recorder.values).containsExactly(1L);
                events.fireHere(2, 1);
                assertThat(recorder.values).containsExactly(1L, 2L);
                return true;
            });
            assertThat(events.sink.requestedFromDownstream()).isZero();
            assertThat(loop.metrics().delivered()).isEqualTo(2);
            recorder.cancel();
        }

        @Test
        void notWithoutDemand() throws Exception {
            Recorder recorder = new Recorder(0);
            events.flux(options).subscribe(recorder);
            loop.run(() -> {
                events.fireHere(1, 1);
                recorder.request(1);
                assertThat(recorder.values).isEmpty();
                return true;
            });
            loop.settle();
            assertThat(recorder.values).containsExactly(1L);
            recorder.cancel();
        }

        @Test
        void notWithAValueQueuedBeforeIt() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            events.flux(options).subscribe(recorder);
            loop.run(() -> {
                events.fire(1, 1);
                events.fireHere(2, 1);
                assertThat(recorder.values).isEmpty();
                return true;
            });
            loop.settle();
            assertThat(recorder.values).containsExactly(1L, 2L);
            recorder.cancel();
        }

        @Test
        void notWhileAValueIsBeingDelivered() throws Exception {
            List<String> trace = new ArrayList<>();
            Disposable subscription = events.flux(options).subscribe(value -> {
                trace.add("begin " + value);
                if (value == 1) {
                    events.fireHere(2, 1);
                }
                trace.add("end " + value);
            });
            loop.run(() -> {
                events.fireHere(1, 1);
                return true;
            });
            loop.settle();
            assertThat(trace).containsExactly("begin 1", "end 1", "begin 2", "end 2");
            subscription.dispose();
        }

        @Test
        void notWhileTheTurnIsLent() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            events.flux(options).subscribe(recorder);
            loop.run(() -> {
                scheduler.runBlocking(() -> {
                    events.fireHere(1, 1);
                    assertThat(recorder.values).isEmpty();
                });
                return true;
            });
            loop.settle();
            assertThat(recorder.values).containsExactly(1L);
            recorder.cancel();
        }

        @Test
        void notAfterACancelNorAfterAnError() throws Exception {
            Recorder cancelled = new Recorder(Long.MAX_VALUE);
            events.flux(options).subscribe(cancelled);
            TestEvents other = new TestEvents();
            Recorder failed = new Recorder(Long.MAX_VALUE);
            NativeFlux.create(options, other).subscribe(failed);
            loop.run(() -> {
                cancelled.cancel();
                events.fireHere(1, 1);
                other.sink.error(new IllegalStateException("gone"));
                other.fireHere(1, 1);
                return true;
            });
            loop.settle();
            assertThat(cancelled.values).isEmpty();
            assertThat(failed.values).isEmpty();
            assertThat(loop.metrics().discarded()).isEqualTo(2);
        }

        @Test
        void anExceptionOfTheSubscriberDoesNotReachNativeCode() throws Exception {
            loop.run(() -> {
                Thread.currentThread().setUncaughtExceptionHandler((thread, error) -> {});
                return true;
            });
            events.flux(options).subscribe(new Raw() {
                @Override
                public void onNext(Long value) {
                    throw new AssertionError("cannot take " + value);
                }
            });
            loop.run(() -> {
                events.fireHere(1, 1);
                return true;
            });
            loop.settle();
            assertThat(events.unregistered).hasValue(1);
            assertThat(loop.metrics().failedCalls()).isZero();
        }
    }

    @Nested
    class Discarding {

        private final List<String> discarded = new CopyOnWriteArrayList<>();
        private final Thread test = Thread.currentThread();

        private void discarded(Long value) {
            discarded.add(value + " on "
                    + (loop.isCurrent() ? "scheduler" : Thread.currentThread().equals(test) ? "test" : "native"));
        }

        @Test
        void nextSaysWhetherAValueWillBeDelivered() throws Exception {
            List<Boolean> taken = new CopyOnWriteArrayList<>();
            Recorder recorder = new Recorder(1);
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            NativeFlux.<Long>create(
                            options.overflow(Overflow.dropNewest(2)),
                            sink -> pointer.set(sink.callback(
                                    OnEvent.class, (thread, sequence, id) -> taken.add(sink.next(sequence)))))
                    .doOnDiscard(Long.class, this::discarded)
                    .subscribe(recorder);
            Runnable release = loop.hold();
            Calls.fromThreads(pointer.get(), 1, 4, 0);
            assertThat(taken).containsExactly(true, true, false, false);
            assertThat(discarded).containsExactly("2 on native", "3 on native");

            release.run();
            loop.settle();
            recorder.cancel();
            loop.settle();
            assertThat(recorder.values).containsExactly(0L);
            assertThat(discarded).containsExactly("2 on native", "3 on native", "1 on scheduler");
            assertThat(loop.metrics().delivered()).isEqualTo(1);
            assertThat(loop.metrics().discarded()).isEqualTo(3);
        }

        @Test
        void whatIsQueuedAtACancelIsDiscardedOnTheScheduler() throws Exception {
            Recorder recorder = new Recorder(0);
            events.flux(options).doOnDiscard(Long.class, this::discarded).subscribe(recorder);
            events.fire(1, 3);
            recorder.cancel();
            loop.settle();
            assertThat(discarded).containsExactly("1 on scheduler", "2 on scheduler", "3 on scheduler");
        }

        @Test
        void aValueAfterACancelIsDiscardedAtOnceOnItsThread() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            events.flux(options).doOnDiscard(Long.class, this::discarded).subscribe(recorder);
            Runnable release = loop.hold();
            recorder.cancel();
            events.fire(1, 1);
            assertThat(discarded).containsExactly("1 on native");
            assertThat(events.sink.isCancelled()).isTrue();
            release.run();
            loop.settle();
            assertThat(discarded).hasSize(1);
        }

        @Test
        void theNextDroppedHookIsNotUsed() throws Exception {
            Hooks.onNextDroppedFail();
            try {
                Recorder recorder = new Recorder(Long.MAX_VALUE);
                events.flux(options).doOnDiscard(Long.class, this::discarded).subscribe(recorder);
                Runnable release = loop.hold(); // the callback works still
                events.sink.complete();
                events.fire(1, 1);
                release.run();
                recorder.end();
                assertThat(events.sink.next(2L)).isFalse();
                assertThat(discarded).containsExactly("1 on native", "2 on test");
                assertThat(loop.metrics().failedCalls()).isZero();
            } finally {
                Hooks.resetOnNextDropped();
            }
        }
    }

    @Nested
    class Demand {

        @Test
        void noMoreIsDeliveredThanWasRequested() throws Exception {
            Recorder recorder = new Recorder(2);
            events.flux(options).subscribe(recorder);
            events.fire(1, 5);
            loop.settle();
            assertThat(recorder.values).containsExactly(1L, 2L);
            assertThat(events.sink.requestedFromDownstream()).isZero();
            recorder.request(1);
            loop.settle();
            assertThat(recorder.values).containsExactly(1L, 2L, 3L);
            recorder.cancel();
        }

        @Test
        void aRequestOfZeroIsAnErrorAlthoughValuesAreQueued() throws Exception {
            List<Long> discarded = new CopyOnWriteArrayList<>();
            AtomicReference<org.reactivestreams.Subscription> subscription = new AtomicReference<>();
            AtomicReference<Throwable> error = new AtomicReference<>();
            CountDownLatch ended = new CountDownLatch(1);
            events.flux(options).doOnDiscard(Long.class, discarded::add).subscribe(new Raw() {
                @Override
                public void onSubscribe(org.reactivestreams.Subscription s) {
                    subscription.set(s);
                }

                @Override
                public void onError(Throwable thrown) {
                    error.set(thrown);
                    ended.countDown();
                }
            });
            events.fire(1, 2);
            subscription.get().request(0);
            awaitLatch(ended);
            assertThat(error.get()).isInstanceOf(IllegalArgumentException.class).hasMessageContaining("3.9");
            assertThat(discarded).containsExactly(1L, 2L);
            assertThat(events.unregistered).hasValue(1);
        }

        @Test
        void aRequestOfZeroAfterACancelIsNothing() throws Exception {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                events.flux(options).subscribe(new Raw() {
                    @Override
                    public void onSubscribe(org.reactivestreams.Subscription s) {
                        s.cancel();
                        s.request(-1);
                        s.request(1);
                    }
                });
                loop.settle();
                assertThat(dropped).isEmpty();
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }

        @Test
        void isPassedOnToASourceThatIsReArmed() throws Exception {
            AtomicReference<Source> source = new AtomicReference<>();
            StepVerifier.create(
                            NativeFlux.<Long>create(options, sink -> {
                                MemorySegment pointer =
                                        sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                                source.set(Source.events(pointer, 0).startOnDemand());
                                sink.onDispose(source.get()::stop);
                                sink.onRequest(source.get()::demand);
                            }),
                            0)
                    .thenRequest(3)
                    .expectNext(0L, 1L, 2L)
                    .thenRequest(2)
                    .expectNext(3L, 4L)
                    .thenCancel()
                    .verify(SOON);
            loop.settle();
            assertThat(source.get().calls()).isEqualTo(5);
            source.get().close();
        }

        @Test
        void isPassedOnOnTheSchedulerAndOnlyOnceTheRegistrationHasReturned() throws Exception {
            List<String> demand = new CopyOnWriteArrayList<>();
            Recorder recorder = new Recorder(3);
            NativeFlux.<Long>create(options, sink -> {
                        sink.onRequest(n -> demand.add("replaced"));
                        sink.onRequest(n -> demand.add(n + ", " + loop.isCurrent()));
                        loop.settle();
                        demand.add("registered");
                    })
                    .subscribe(recorder);
            loop.settle();
            recorder.request(2);
            loop.settle();
            assertThat(demand).containsExactly("registered", "3, true", "2, true");
            recorder.cancel();
            recorder.request(2);
            loop.settle();
            assertThat(demand).hasSize(3);
        }

        @Test
        void isNotPassedOnOnceTheStreamEnds() throws Exception {
            List<Long> demand = new CopyOnWriteArrayList<>();
            Recorder recorder = new Recorder(1);
            events.flux(options).subscribe(recorder);
            events.sink.onRequest(demand::add);
            events.fire(1, 3);
            loop.settle();
            events.sink.complete();
            recorder.request(2);
            recorder.end();
            assertThat(demand).containsExactly(1L);
            assertThat(recorder.values).containsExactly(1L, 2L, 3L);
        }

        @Test
        void itsConsumerMayThrowAnythingAsADowncallDoes() throws Exception {
            Recorder recorder = new Recorder(1);
            NativeFlux.<Long>create(
                            options,
                            sink -> sink.onRequest(n -> {
                                throw new java.io.IOException("cannot arm");
                            }))
                    .subscribe(recorder);
            assertThat(recorder.error()).isInstanceOf(java.io.IOException.class).hasMessage("cannot arm");
        }

        @Test
        void whatItsConsumerThrowsIsTheError() throws Exception {
            Recorder recorder = new Recorder(1);
            NativeFlux.<Long>create(
                            options,
                            sink -> sink.onRequest(n -> {
                                throw new IllegalStateException("cannot arm");
                            }))
                    .subscribe(recorder);
            assertThat(recorder.error()).hasMessage("cannot arm");
        }

        @Test
        void aSourceThatFiresWhileItIsArmedIsDeliveredThereAndThen() throws Exception {
            Recorder recorder = new Recorder(2);
            events.flux(options).subscribe(recorder);
            events.sink.onRequest(n -> events.fireHere(1, (int) n));
            loop.settle();
            assertThat(recorder.values).containsExactly(1L, 2L);
            recorder.cancel();
        }
    }
}
