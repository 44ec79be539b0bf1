package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.Sinks;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnReading;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestEvents;
import reactor.ffi.fixture.TestScheduler;
import reactor.test.StepVerifier;

/** How one knows that a stream is registered, and that it is registered no more. */
class RegisteredTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("RegisteredTest");

    private final CallbackScheduler scheduler = loop.scheduler;
    private final CallbackOptions options = loop.options;
    private final TestEvents events = new TestEvents();

    private final List<String> story = new CopyOnWriteArrayList<>();

    private final CallbackOptions told =
            options.onRegistered(() -> tell("registered")).onUnregistered(() -> tell("unregistered"));

    private void tell(String what) {
        story.add(loop.isCurrent() ? what + " on the scheduler" : what);
    }

    private Flux<Long> source(String kind, Registration<NativeSink<Long>> registration) {
        return switch (kind) {
            case "create" -> NativeFlux.create(told, registration);
            case "share" -> NativeFlux.share(told, registration);
            default ->
                NativeFlux.<Long, Long>exchange(told, sink -> {
                            sink.onDispose(() -> tell("stop"));
                            tell("start");
                        })
                        .map(Exchange::request);
        };
    }

    private void register(NativeSink<Long> sink) {
        events.register(sink);
        sink.onDispose(() -> tell("stop"));
        tell("start");
    }

    private void awaitStory(int length) {
        Awaitility.await().atMost(SOON).until(() -> story.size() == length);
    }

    @ParameterizedTest
    @ValueSource(strings = {"create", "exchange"})
    void isToldWhereTheRegistrationRanAndUnregisteredBeforeTheEnd(String kind) throws Exception {
        Recorder recorder = new Recorder(1);
        source(kind, sink -> {
                    register(sink);
                    sink.complete();
                })
                .doOnComplete(() -> tell("complete"))
                .subscribe(recorder);
        if (kind.equals("exchange")) {
            assertThat(story).containsExactly("start", "registered");
            recorder.cancel();
            awaitStory(4);
            assertThat(story.subList(2, 4)).containsExactly("stop on the scheduler", "unregistered on the scheduler");
            return;
        }
        recorder.end();
        assertThat(story.subList(0, 2)).containsExactly("start", "registered");
        assertThat(story.subList(2, 5))
                .containsExactly("stop on the scheduler", "unregistered on the scheduler", "complete on the scheduler");
    }

    @Test
    void isToldOnTheSchedulerByASharedStream() throws Exception {
        Recorder recorder = new Recorder(1);
        source("share", this::register).doOnError(error -> tell("error")).subscribe(recorder);
        awaitStory(2);
        events.sink.error(new IOException("gone"));
        recorder.error();
        assertThat(story)
                .containsExactly(
                        "start on the scheduler",
                        "registered on the scheduler",
                        "stop on the scheduler",
                        "unregistered on the scheduler",
                        "error on the scheduler");
    }

    /** The guide's test, of a stream that registers later. */
    @RepeatedTest(40)
    void aTestOfASharedStreamWaitsForItsRegistration() {
        Sinks.Empty<Void> registered = Sinks.empty();
        AtomicReference<OnReading> fire = new AtomicReference<>();
        Flux<Double> shared = NativeFlux.share(
                options.onRegistered(registered::tryEmitEmpty),
                sink -> fire.set(CFunction.at(
                        sink.callback(OnReading.class, (sequence, value, userData) -> sink.next(value)),
                        OnReading.class)));
        StepVerifier.create(shared.take(2))
                .then(() -> registered.asMono().block(SOON))
                .then(() -> {
                    fire.get().onReading(1, 20.5, java.lang.foreign.MemorySegment.NULL);
                    fire.get().onReading(2, 21.0, java.lang.foreign.MemorySegment.NULL);
                })
                .expectNext(20.5, 21.0)
                .expectComplete()
                .verify(SOON);
    }

    @Test
    void eachSubscriberOfASharedStreamIsToldOnceItGetsValues() throws Exception {
        Flux<Long> shared = source("share", this::register);
        Recorder one = new Recorder(10);
        Recorder two = new Recorder(10);
        shared.subscribe(one);
        awaitStory(2);
        Runnable release = loop.hold();
        shared.subscribe(two);
        events.fire(1, 1);
        assertThat(story).hasSize(2);
        release.run();
        awaitStory(3);
        events.fire(2, 1);
        Awaitility.await().atMost(SOON).until(() -> !two.values.isEmpty());
        assertThat(two.values).containsExactly(2L);
        one.cancel();
        awaitStory(4);
        assertThat(events.unregistered).as("the other one is still there").hasValue(0);
        two.cancel();
        awaitStory(6);
        assertThat(story.subList(4, 6)).containsExactly("stop on the scheduler", "unregistered on the scheduler");
    }

    @Test
    void nothingOfItIsLeftWhenItIsUnregistered() throws Exception {
        AtomicReference<Source> source = new AtomicReference<>();
        List<Object> seen = new CopyOnWriteArrayList<>();
        NativeFlux.<Double>create(
                        options.overflow(Overflow.dropOldest(8)).onUnregistered(() -> {
                            seen.add(source.get().running());
                            seen.add(loop.metrics().subscribers());
                            seen.add(SchedulerMetrics.of(scheduler).sources());
                        }),
                        sink -> {
                            source.set(Source.readingsWithContext(sink.callback(
                                            OnReading.class, (sequence, value, context) -> sink.next(value)))
                                    .start(2, -1, 10_000));
                            sink.onDispose(() -> source.get().stop());
                        })
                .blockFirst(SOON);
        Awaitility.await().atMost(SOON).until(() -> seen.size() == 3);
        assertThat(seen).containsExactly(0, 0, 0);
        source.get().close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"create", "share"})
    void aRegistrationThatThrowsIsNoneAndIsUnregisteredAllTheSame(String kind) throws Exception {
        Recorder recorder = new Recorder(1);
        source(kind, sink -> {
                    throw new IOException("no device");
                })
                .subscribe(recorder);
        assertThat(recorder.error()).hasMessage("no device");
        assertThat(story).containsExactly("unregistered on the scheduler");
    }

    @ParameterizedTest
    @ValueSource(strings = {"create", "share", "exchange"})
    void aSubscriberThatCancelsBeforeIsOnlyUnregistered(String kind) throws Exception {
        source(kind, this::register)
                .doOnSubscribe(subscription -> subscription.cancel())
                .subscribe(new Recorder(0));
        awaitStory(1);
        loop.settle();
        assertThat(story).containsExactly("unregistered on the scheduler");
    }

    @Test
    void oneThatWaitsForAnEarlierOneIsRegisteredAfterThatIsUnregistered() throws Exception {
        Flux<Long> flux = source("create", this::register);
        Disposable first = flux.subscribe();
        Runnable release = loop.hold();
        first.dispose();
        Disposable second = flux.subscribe();
        assertThat(story).containsExactly("start", "registered");
        release.run();
        awaitStory(6);
        assertThat(story.subList(2, 6))
                .containsSubsequence("stop on the scheduler", "unregistered on the scheduler")
                .containsSubsequence("stop on the scheduler", "start on the scheduler", "registered on the scheduler");
        second.dispose();
        awaitStory(8);
    }

    @Nested
    class WhatItThrows {

        @ParameterizedTest
        @ValueSource(strings = {"create", "share"})
        void atTheRegistrationIsItsError(String kind) throws Exception {
            Recorder recorder = new Recorder(1);
            CallbackOptions throwing = options.onRegistered(() -> {
                throw new IOException("not that one");
            });
            (kind.equals("create") ? NativeFlux.create(throwing, events) : NativeFlux.share(throwing, events))
                    .subscribe(recorder);
            assertThat(recorder.error()).isInstanceOf(IOException.class).hasMessage("not that one");
            assertThat(events.unregistered).hasValue(1);
        }

        @Test
        void atTheEndIsAddedToTheError() throws Exception {
            Recorder recorder = new Recorder(1);
            NativeFlux.create(
                            options.onUnregistered(() -> {
                                throw new IOException("too late");
                            }),
                            events)
                    .subscribe(recorder);
            events.sink.error(new IllegalStateException("gone"));
            assertThat(recorder.error()).hasMessage("gone");
            assertThat(recorder.error().getSuppressed())
                    .extracting(Throwable::getMessage)
                    .contains("too late");
        }

        @Test
        void afterACancelIsDropped() throws Exception {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                NativeFlux.create(
                                options.onUnregistered(() -> {
                                    throw new IOException("too late");
                                }),
                                events)
                        .subscribe()
                        .dispose();
                Awaitility.await().atMost(SOON).until(() -> dropped.size() == 1);
                assertThat(dropped.get(0)).hasMessage("too late");
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }
    }

    /** Sees that an exchange asks what it is to ask, once its stream is registered. */
    @Test
    void anExchangeCanBeAskedOnceItIsRegistered() {
        Sinks.Empty<Void> registered = Sinks.empty();
        AtomicReference<OnAsk> ask = new AtomicReference<>();
        Disposable subscription = NativeFlux.<Long, Long>exchange(
                        options.onRegistered(registered::tryEmitEmpty),
                        sink -> ask.set(CFunction.at(
                                sink.callback(
                                        OnAsk.class,
                                        (thread, sequence, id) -> sink.ask(sequence + id, Duration.ofSeconds(10), -1L)),
                                OnAsk.class)))
                .subscribe(question -> question.reply(question.request()));
        registered.asMono().block(SOON);
        assertThat(ask.get().onAsk(0, 40, 2)).isEqualTo(42);
        subscription.dispose();
    }
}
