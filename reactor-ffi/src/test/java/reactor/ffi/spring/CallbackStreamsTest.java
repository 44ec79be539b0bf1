package reactor.ffi.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.reactivestreams.Subscription;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Source;
import reactor.test.StepVerifier;

@Timeout(60)
class CallbackStreamsTest {

    private static final Duration SOON = Duration.ofSeconds(30);
    /** {@code WebServerApplicationContext.GRACEFUL_SHUTDOWN_PHASE}, where the web server waits for open requests. */
    private static final int PHASE_OF_THE_WEB_SERVER = SmartLifecycle.DEFAULT_PHASE - 1024;

    private final CallbackScheduler scheduler = CallbackScheduler.create("streams");
    private final CallbackStreams streams = new CallbackStreams(scheduler, Overflow.dropOldest(16));
    private final StreamsHealth health = new StreamsHealth(streams);

    @AfterEach
    void end() {
        scheduler.disposeGracefully().block(SOON);
    }

    private static void events(NativeSink<Long> sink) {
        Source source = Source.events(sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 0);
        sink.onDispose(source::close);
        source.start(1, Long.MAX_VALUE, 0);
        sink.onDispose(source::stop);
    }

    private static void register(NativeSink<Long> sink, AtomicReference<NativeSink<Long>> made) {
        made.set(sink);
    }

    private Object said(String stream) {
        return health.health().getDetails().get(stream);
    }

    // ---- the end

    @Test
    void aStopCompletesStreamsOfRealSourcesAndReturnsWhenTheyAreUnregistered() {
        AtomicInteger undone = new AtomicInteger();
        Flux<Long> shared = streams.share(streams.options("shared"), sink -> {
            sink.onDispose(undone::incrementAndGet);
            events(sink);
        });
        Flux<Long> own = streams.create(streams.options("own"), sink -> {
            sink.onDispose(undone::incrementAndGet);
            events(sink);
        });
        List<String> ends = new CopyOnWriteArrayList<>();
        AtomicInteger values = new AtomicInteger();
        for (Flux<Long> each : List.of(shared, shared, own)) {
            each.subscribe(_ -> values.incrementAndGet(), error -> ends.add(error.toString()), () -> ends.add("done"));
        }
        await().atMost(SOON).until(() -> values.get() > 1000);

        streams.stop(SOON).block();

        assertThat(undone).hasValue(2);
        await().atMost(SOON).untilAsserted(() -> assertThat(ends).containsExactly("done", "done", "done"));
    }

    @Test
    void aStopDeliversWhatIsQueued() {
        AtomicReference<NativeSink<Long>> made = new AtomicReference<>();
        StepVerifier.create(streams.<Long>create(streams.options("queued"), sink -> register(sink, made)), 0)
                .then(() -> {
                    made.get().next(1L);
                    made.get().next(2L);
                })
                .then(() -> streams.stop(SOON).subscribe())
                .thenRequest(2)
                .expectNext(1L, 2L)
                .expectComplete()
                .verify(SOON);
    }

    @Test
    void aSubscriberWithoutDemandIsCompletedAtTheLimit() {
        AtomicReference<NativeSink<Long>> made = new AtomicReference<>();
        StepVerifier.create(streams.<Long>create(streams.options("stalled"), sink -> register(sink, made)), 0)
                .then(() -> made.get().next(1L))
                .then(() -> assertThat(streams.stop(Duration.ofMillis(50)).blockOptional())
                        .isEmpty())
                .expectComplete()
                .verify(SOON);
    }

    @Test
    void aSubscriptionAfterTheStopCompletesAndRegistersNothing() {
        AtomicBoolean registered = new AtomicBoolean();
        Flux<Long> flux = streams.share(streams.options("late"), _ -> registered.set(true));
        streams.stop(SOON).block();
        StepVerifier.create(flux).expectComplete().verify(SOON);
        assertThat(registered).isFalse();
    }

    @Test
    void aStartAfterAStopLetsStreamsRegisterAgain() {
        Flux<Long> flux = streams.share(streams.options("again"), CallbackStreamsTest::events);
        Flux<Long> ticks = streams.untilStop(Flux.never());
        streams.stop(SOON).block();
        streams.start();
        assertThat(flux.take(10).count().block(SOON)).isEqualTo(10);
        StepVerifier.create(ticks)
                .expectSubscription()
                .expectNoEvent(Duration.ofMillis(100))
                .then(() -> streams.stop(SOON).block())
                .expectComplete()
                .verify(SOON);
    }

    @Test
    void aStopEndsOtherStreamsToo() {
        AtomicBoolean cancelled = new AtomicBoolean();
        StepVerifier.create(streams.untilStop(Flux.interval(Duration.ofHours(1)).doOnCancel(() -> cancelled.set(true))))
                .then(() -> streams.stop(SOON).block())
                .expectComplete()
                .verify(SOON);
        assertThat(cancelled).isTrue();
    }

    /** As an open stream of server-sent events does to the web server. */
    @Configuration(proxyBeanMethods = false)
    static class WebServer {

        @Bean
        Requests requests(CallbackStreams streams) {
            return new Requests(streams.share(streams.options("sse"), CallbackStreamsTest::events));
        }
    }

    static final class Requests implements SmartLifecycle {

        private final Flux<Long> response;
        private volatile Disposable open;
        private volatile boolean answered;
        private volatile boolean stopped;

        Requests(Flux<Long> response) {
            this.response = response;
        }

        @Override
        public void start() {
            open = response.subscribe(_ -> {}, _ -> {}, () -> answered = true);
            stopped = false;
        }

        @Override
        public void stop() {
            await("the end of the open response").atMost(SOON).until(() -> answered);
            stopped = true;
        }

        @Override
        public boolean isRunning() {
            return open != null && !stopped;
        }

        @Override
        public int getPhase() {
            return PHASE_OF_THE_WEB_SERVER;
        }
    }

    @Test
    void streamsCompleteBeforeTheWebServerWaitsForOpenRequests() {
        AtomicReference<Requests> requests = new AtomicReference<>();
        new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(CallbackAutoConfiguration.class))
                .withUserConfiguration(WebServer.class)
                .run(context -> {
                    requests.set(context.getBean(Requests.class));
                    CallbackStreams made = context.getBean(CallbackStreams.class);
                    await().atMost(SOON)
                            .until(() -> made.states().get("sse").view().text().equals("connected"));
                });
        assertThat(requests.get().stopped)
                .as("stopped without having waited in vain")
                .isTrue();
    }

    // ---- health

    @Test
    void aStreamThatNobodySubscribesToIsUp() {
        streams.share(streams.options("unused"), CallbackStreamsTest::events);
        assertThat(health.health().getStatus()).isEqualTo(Status.UP);
        assertThat(said("unused")).isEqualTo("nobody subscribes");
    }

    @Test
    void aStreamIsConnectedWhileItIsRegistered() {
        Disposable subscription = streams.create(streams.options("live"), CallbackStreamsTest::events)
                .subscribe();
        assertThat(said("live")).isEqualTo("connected");
        subscription.dispose();
        await().atMost(SOON).untilAsserted(() -> assertThat(said("live")).isEqualTo("nobody subscribes"));
    }

    @Test
    void aStreamWhoseSourceIsAwayIsDownUntilItIsBack() {
        Disposable subscription = streams.create(streams.options("mqtt"), CallbackStreamsTest::events)
                .subscribe();
        streams.disconnected("mqtt", "broker ended");
        Health away = health.health();
        assertThat(away.getStatus()).isEqualTo(Status.DOWN);
        assertThat(away.getDetails()).containsEntry("mqtt", "disconnected: broker ended");
        streams.connected("mqtt", "broker:1883");
        assertThat(health.health().getStatus()).isEqualTo(Status.UP);
        assertThat(said("mqtt")).isEqualTo("connected: broker:1883");
        subscription.dispose();
    }

    @Test
    void aStreamThatHasFailedIsDownUntilItIsRegisteredAgain() {
        AtomicBoolean broken = new AtomicBoolean(true);
        Flux<Long> flux = streams.share(streams.options("broken"), sink -> {
            if (broken.get()) {
                throw new IllegalStateException("no such device");
            }
            events(sink);
        });
        StepVerifier.create(flux).expectErrorMessage("no such device").verify(SOON);
        assertThat(health.health().getStatus()).isEqualTo(Status.DOWN);
        assertThat(said("broken")).isEqualTo("failed: java.lang.IllegalStateException: no such device");
        broken.set(false);
        assertThat(flux.take(1).count().block(SOON)).isEqualTo(1);
        assertThat(health.health().getStatus()).isEqualTo(Status.UP);
    }

    @Test
    void oneSubscriberThatFailsIsNoFailureOfTheStream() {
        AtomicReference<NativeSink<Long>> made = new AtomicReference<>();
        Flux<Long> flux =
                streams.share(streams.options("two").overflow(Overflow.error(1)), sink -> register(sink, made));
        AtomicLong newest = new AtomicLong();
        Disposable reader = flux.subscribe(newest::set);
        AtomicReference<Throwable> overflow = new AtomicReference<>();
        BaseSubscriber<Long> stalled = new BaseSubscriber<>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {} // asks for nothing

            @Override
            protected void hookOnError(Throwable error) {
                overflow.set(error);
            }

            @Override
            protected void hookOnNext(Long value) {}
        };
        flux.subscribe(stalled);
        await().atMost(SOON).until(() -> made.get() != null);
        for (long value = 1; value <= 3; value++) {
            long expected = value;
            made.get().next(value);
            await().atMost(SOON).until(() -> newest.get() == expected);
        }
        stalled.request(1);
        await().atMost(SOON).until(() -> overflow.get() != null);
        assertThat(health.health().getStatus()).isEqualTo(Status.UP);
        assertThat(said("two")).isEqualTo("connected");
        reader.dispose();
    }
}
