package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.publisher.Hooks;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Raw;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestEvents;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.internal.life.Tokens;
import reactor.test.StepVerifier;

/** The statements on the end of a stream. */
class NativeFluxEndTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("NativeFluxEndTest");

    private final CallbackScheduler scheduler = loop.scheduler;
    private final String name = loop.name;
    private final CallbackOptions options = loop.options;
    private final TestEvents events = new TestEvents();

    @Nested
    class Ending {

        @Test
        void completeComesAfterTheValuesThatAreQueued() throws Exception {
            Runnable release = loop.hold();
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            events.flux(options).subscribe(recorder);
            events.fire(1, 3);
            events.sink.complete();
            assertThat(events.sink.next(9L)).as("after complete").isFalse();
            release.run();
            assertThat(recorder.end()).isEqualTo("onComplete on " + name);
            assertThat(recorder.values).containsExactly(1L, 2L, 3L);
            assertThat(events.unregistered).hasValue(1);
        }

        @Test
        void anErrorComesAfterTheValuesThatAreQueuedAndWaitsForTheirDemand() throws Exception {
            Recorder recorder = new Recorder(1);
            events.flux(options).subscribe(recorder);
            events.fire(1, 3);
            events.sink.error(new IllegalStateException("first"));
            loop.settle();
            assertThat(recorder.values).containsExactly(1L);
            assertThat(recorder.end).isNotDone();
            recorder.request(2);
            assertThat(recorder.error()).hasMessage("first");
            assertThat(recorder.values).containsExactly(1L, 2L, 3L);
        }

        @Test
        void aSecondErrorIsDropped() throws Exception {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                Recorder recorder = new Recorder(1);
                events.flux(options).subscribe(recorder);
                events.sink.error(new IllegalStateException("first"));
                events.sink.error(new IllegalStateException("second"));
                assertThat(recorder.error()).hasMessage("first");
                events.sink.error(new IllegalStateException("third"));
                assertThat(dropped).extracting(Throwable::getMessage).containsExactly("second", "third");
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }

        @Test
        void aHandlerThatThrowsIsTheErrorAndItsFallbackAnswers() throws Exception {
            AtomicReference<Source> source = new AtomicReference<>();
            Recorder recorder = new Recorder(1);
            NativeFlux.<Long>create(options, sink -> {
                        MemorySegment pointer = sink.callback(
                                OnAsk.class,
                                (thread, sequence, id) -> {
                                    throw new AssertionError("no answer");
                                },
                                (thread, sequence, id) -> -5);
                        source.set(Source.asking(pointer, 100, -5).start(1, 4, 0));
                        sink.onDispose(source.get()::stop);
                    })
                    .subscribe(recorder);
            assertThat(recorder.error()).isInstanceOf(AssertionError.class).hasMessage("no answer");
            assertThat(source.get().calls()).isPositive().isEqualTo(source.get().fallbackAnswers());
            assertThat(loop.metrics().failedCalls() + loop.metrics().lateCalls())
                    .isEqualTo(source.get().calls());
            source.get().close();
        }

        @Test
        void actionsRunInReverseOrderWithTheCallbacksAndOneThatThrowsDoesNotStopTheOthers() throws Exception {
            List<String> undone = new CopyOnWriteArrayList<>();
            Recorder recorder = new Recorder(1);
            NativeFlux.<Long>create(options, sink -> {
                        sink.onDispose(() -> {
                            undone.add("first");
                            throw new IllegalStateException("first");
                        });
                        sink.onDispose(() -> undone.add(scheduler.isCurrent() ? "turn kept" : "second"));
                        MemorySegment pointer =
                                sink.callback(OnEvent.class, (thread, sequence, id) -> undone.add("event " + id));
                        sink.onDispose(() -> Calls.fromThreads(pointer, 1, 1, 3));
                        sink.onDispose(() -> {
                            undone.add("fourth");
                            throw new java.io.IOException("fourth");
                        });
                        sink.complete();
                    })
                    .subscribe(recorder);
            assertThat(recorder.end()).isEqualTo("onError on " + name);
            assertThat(undone).containsExactly("fourth", "event 3", "second", "first");
            assertThat(recorder.error()).hasMessage("fourth");
            assertThat(recorder.error().getSuppressed())
                    .extracting(Throwable::getMessage)
                    .contains("first");
        }

        @Test
        void whatAnActionThrowsIsAddedToTheError() throws Exception {
            Recorder recorder = new Recorder(1);
            events.flux(options).subscribe(recorder);
            events.sink.onDispose(() -> {
                throw new IllegalStateException("stop failed");
            });
            events.sink.error(new java.io.IOException("gone"));
            assertThat(recorder.error()).hasMessage("gone");
            assertThat(recorder.error().getSuppressed())
                    .extracting(Throwable::getMessage)
                    .contains("stop failed");
        }

        @Test
        void whatAnActionThrowsAfterACancelIsDropped() throws Exception {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                Disposable subscription = events.flux(options).subscribe();
                events.sink.onDispose(() -> {
                    throw new IllegalStateException("stop failed");
                });
                subscription.dispose();
                loop.settle();
                events.sink.onDispose(() -> {
                    throw new IllegalStateException("so did this");
                });
                loop.settle();
                assertThat(dropped).extracting(Throwable::getMessage).containsExactly("stop failed", "so did this");
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }

        @Test
        void anActionPushedAfterTheEndRunsAtOnceOnTheSchedulerWithTheTurnLent() throws Exception {
            events.flux(options).subscribe().dispose();
            loop.settle();
            List<Boolean> onScheduler = new CopyOnWriteArrayList<>();
            NativeAction action = () -> {
                onScheduler.add(loop.isCurrent());
                assertThat(scheduler.isCurrent()).as("lent").isFalse();
                onScheduler.add(true);
            };
            events.sink.onDispose(action);
            loop.settle();
            assertThat(onScheduler).containsExactly(true, true);
            loop.run(() -> {
                events.sink.onDispose(action);
                assertThat(onScheduler).as("there and then").hasSize(4);
                return true;
            });
        }

        @Test
        void theSameActionMayBePushedTwice() throws Exception {
            List<String> undone = new CopyOnWriteArrayList<>();
            NativeAction action = () -> undone.add("stop");
            Disposable subscription = NativeFlux.create(
                            options, sink -> sink.onDispose(action).onDispose(action))
                    .subscribe();
            subscription.dispose();
            loop.settle();
            assertThat(undone).hasSize(2);
        }

        @Test
        void aSubscriberThatThrowsHasCancelled() throws Exception {
            List<Throwable> reported = new CopyOnWriteArrayList<>();
            loop.run(() -> {
                Thread.currentThread().setUncaughtExceptionHandler((thread, error) -> reported.add(error));
                return true;
            });
            List<Long> discarded = new CopyOnWriteArrayList<>();
            Runnable release = loop.hold();
            events.flux(options).doOnDiscard(Long.class, discarded::add).subscribe(new Raw() {
                @Override
                public void onNext(Long value) {
                    throw new AssertionError("cannot take " + value);
                }
            });
            events.fire(1, 3);
            release.run();
            loop.settle();
            assertThat(events.unregistered).hasValue(1);
            assertThat(discarded).containsExactly(2L, 3L);
            assertThat(reported).extracting(Throwable::getMessage).containsExactly("cannot take 1");
            assertThat(loop.run(() -> "alive")).isEqualTo("alive");
        }

        @Test
        void aSubscriberThatThrowsInItsTerminalSignalIsReported() throws Exception {
            List<Throwable> reported = new CopyOnWriteArrayList<>();
            loop.run(() -> {
                Thread.currentThread().setUncaughtExceptionHandler((thread, error) -> reported.add(error));
                return true;
            });
            events.flux(options).subscribe(new Raw() {
                @Override
                public void onComplete() {
                    throw new AssertionError("cannot end");
                }
            });
            events.sink.complete();
            loop.settle();
            assertThat(reported).extracting(Throwable::getMessage).containsExactly("cannot end");
        }
    }

    @Nested
    class DisposingOfTheScheduler {

        @Test
        void endsASubscriptionWithARejectionAfterItIsUnregistered() throws Exception {
            AtomicReference<Integer> atError = new AtomicReference<>();
            Recorder recorder = new Recorder(1);
            events.flux(options)
                    .doOnError(error -> atError.set(events.unregistered.get()))
                    .subscribe(recorder);
            events.fire(1, 3);
            scheduler.dispose();
            assertThat(recorder.error()).isInstanceOf(RejectedExecutionException.class);
            assertThat(recorder.end()).isEqualTo("onError on " + name);
            assertThat(atError).hasValue(1);
        }

        @Test
        void isNoCompletionForAStreamWhoseValuesAreQueuedStill() throws Exception {
            List<Long> discarded = new CopyOnWriteArrayList<>();
            Recorder recorder = new Recorder(1);
            events.flux(options).doOnDiscard(Long.class, discarded::add).subscribe(recorder);
            events.fire(1, 3);
            events.sink.complete();
            loop.settle();
            scheduler.dispose();
            assertThat(recorder.error()).isInstanceOf(RejectedExecutionException.class);
            assertThat(recorder.values).containsExactly(1L);
            assertThat(discarded).containsExactly(2L, 3L);
        }

        @Test
        void refusesLaterSubscribersWithoutRegistering() {
            scheduler.dispose();
            StepVerifier.create(events.flux(options))
                    .expectErrorSatisfies(error -> assertThat(error)
                            .isInstanceOf(RejectedExecutionException.class)
                            .hasMessageContaining(name))
                    .verify(SOON);
            assertThat(events.registered).hasValue(0);
        }

        @Test
        void refusesLaterSubscribersWhichThenKeepNothingAlive() {
            scheduler.disposeGracefully().block(SOON);
            long before = Tokens.out();
            StepVerifier.create(events.flux(options))
                    .expectError(RejectedExecutionException.class)
                    .verify(SOON);
            assertThat(Tokens.out()).isLessThanOrEqualTo(before);
        }

        @Test
        void stillRunsActionsThatComeLater() throws Exception {
            events.flux(options).subscribe().dispose();
            scheduler.disposeGracefully().block(SOON);
            List<String> undone = new CopyOnWriteArrayList<>();
            events.sink.onDispose(() -> undone.add("stop"));
            assertThat(undone).containsExactly("stop");
        }
    }
}
