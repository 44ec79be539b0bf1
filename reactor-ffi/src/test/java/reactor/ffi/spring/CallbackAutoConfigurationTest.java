package reactor.ffi.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.task.TaskExecutionAutoConfiguration;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.ReactiveHealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.task.AsyncTaskExecutor;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Source;
import reactor.ffi.micrometer.CallbackMeters;

class CallbackAutoConfigurationTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    private static final AutoConfigurations PARTS = AutoConfigurations.of(
            CallbackAutoConfiguration.class,
            CallbackHealthAutoConfiguration.class,
            CallbackEndpointAutoConfiguration.class);

    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withConfiguration(PARTS)
            .withPropertyValues("management.endpoints.web.exposure.include=callbacks");

    @Configuration(proxyBeanMethods = false)
    static class Own {

        @Bean
        CallbackScheduler mine() {
            return CallbackScheduler.create("mine");
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class OneMore {

        @Bean
        CallbackScheduler other() {
            return CallbackScheduler.create("other");
        }
    }

    @Test
    void allPartsAreThereWithoutAnyProperty() {
        application.run(context -> assertThat(context)
                .hasSingleBean(CallbackScheduler.class)
                .hasSingleBean(CallbackStreams.class)
                .hasSingleBean(StreamsLifecycle.class)
                .hasSingleBean(CallbackMeters.class)
                .hasSingleBean(CallbacksEndpoint.class)
                .hasBean("callbackSchedulerHealthIndicator")
                .hasBean("callbackStreamsHealthIndicator"));
    }

    @Test
    void nothingIsThereWhenItIsSwitchedOff() {
        application
                .withPropertyValues("reactor.ffi.enabled=false")
                .run(context -> assertThat(context)
                        .doesNotHaveBean(CallbackScheduler.class)
                        .doesNotHaveBean(CallbackStreams.class)
                        .doesNotHaveBean(CallbackMeters.class)
                        .doesNotHaveBean(CallbacksEndpoint.class)
                        .doesNotHaveBean(HealthIndicator.class));
    }

    @Test
    void theSchedulerOfTheApplicationIsUsed() {
        application.withUserConfiguration(Own.class).run(context -> {
            assertThat(context).hasSingleBean(CallbackScheduler.class).hasBean("mine");
            assertThat(context.getBean(CallbackStreams.class).options("any").scheduler())
                    .isSameAs(context.getBean("mine"));
        });
    }

    @Test
    void withTwoSchedulersTheApplicationMakesItsStreamsItself() {
        application
                .withUserConfiguration(Own.class, OneMore.class)
                .run(context -> assertThat(context)
                        .hasNotFailed()
                        .doesNotHaveBean(CallbackStreams.class)
                        .doesNotHaveBean("callbackSchedulerHealthIndicator")
                        .hasSingleBean(CallbackMeters.class));
    }

    @Test
    void withoutMicrometerHealthOrActuatorTheRestIsThere() {
        application
                .withClassLoader(new FilteredClassLoader(
                        "io.micrometer", "org.springframework.boot.health", "org.springframework.boot.actuate"))
                .run(context -> assertThat(context)
                        .hasSingleBean(CallbackStreams.class)
                        .doesNotHaveBean("callbackMeters")
                        .doesNotHaveBean("callbackSchedulerHealthIndicator")
                        .doesNotHaveBean("callbacksEndpoint"));
    }

    @Test
    void theEndpointIsThereOnlyWhereItIsExposed() {
        new ApplicationContextRunner()
                .withConfiguration(PARTS)
                .run(context -> assertThat(context).doesNotHaveBean(CallbacksEndpoint.class));
    }

    @Test
    void healthCanBeSwitchedOffAlone() {
        application
                .withPropertyValues("management.health.callbacks.enabled=false")
                .run(context -> assertThat(context)
                        .hasSingleBean(CallbackStreams.class)
                        .doesNotHaveBean("callbackSchedulerHealthIndicator")
                        .doesNotHaveBean("callbackStreamsHealthIndicator"));
    }

    @Test
    void propertiesReachTheSchedulerAndTheStreams() {
        application
                .withPropertyValues(
                        "reactor.ffi.scheduler.name=sensors",
                        "reactor.ffi.scheduler.spin=0",
                        "reactor.ffi.scheduler.warn-after=3s",
                        "reactor.ffi.scheduler.max-callers=7",
                        "reactor.ffi.overflow.policy=drop-oldest",
                        "reactor.ffi.overflow.capacity=5")
                .run(context -> {
                    assertThat(context.getBean(CallbackProperties.class)
                                    .scheduler()
                                    .options())
                            .hasToString("SchedulerOptions[name=sensors, spin=PT0S, warnAfter=PT3S, maxCallers=7]");
                    assertThat(context.getBean(CallbackStreams.class)
                                    .options("any")
                                    .overflow())
                            .hasToString(Overflow.dropOldest(5).toString());
                    assertThat(nameOfTheThread(context.getBean(CallbackScheduler.class)))
                            .isEqualTo("sensors");
                });
    }

    private static String nameOfTheThread(CallbackScheduler scheduler) {
        AtomicReference<String> name = new AtomicReference<>();
        scheduler.schedule(() -> name.set(Thread.currentThread().getName()));
        await().atMost(SOON).until(() -> name.get() != null);
        return name.get();
    }

    @Test
    void eachPolicyHasItsCapacityAndTimeout() {
        for (Overflow.Policy policy : Overflow.Policy.values()) {
            application
                    .withPropertyValues(
                            "reactor.ffi.overflow.policy=" + policy,
                            "reactor.ffi.overflow.capacity=5",
                            "reactor.ffi.overflow.timeout=6s")
                    .run(context -> {
                        Overflow overflow = context.getBean(CallbackStreams.class)
                                .options("any")
                                .overflow();
                        assertThat(overflow.policy()).isEqualTo(policy);
                        assertThat(overflow.capacity())
                                .isEqualTo(policy == Overflow.Policy.UNBOUNDED ? Integer.MAX_VALUE : 5);
                        assertThat(overflow.timeout())
                                .isEqualTo(policy == Overflow.Policy.BLOCK ? Duration.ofSeconds(6) : Duration.ZERO);
                    });
        }
    }

    @Test
    void aValueThatIsOutOfRangeFailsTheStart() {
        application
                .withPropertyValues("reactor.ffi.scheduler.spin=1s")
                .run(context -> assertThat(context)
                        .getFailure()
                        .hasRootCauseMessage("spin is PT1S; it must be from 0 to 10 ms"));
    }

    @Test
    void theEndOfTheContextDisposesOfTheScheduler() {
        AtomicReference<CallbackScheduler> scheduler = new AtomicReference<>();
        application.run(context -> scheduler.set(context.getBean(CallbackScheduler.class)));
        assertThat(scheduler.get().isDisposed()).isTrue();
    }

    @Test
    void theSchedulerIsDownWhileItsThreadIsBusyAndUpAfterwards() {
        application.withPropertyValues("reactor.ffi.health.timeout=100ms").run(context -> {
            ReactiveHealthIndicator health =
                    context.getBean("callbackSchedulerHealthIndicator", ReactiveHealthIndicator.class);
            CountDownLatch release = new CountDownLatch(1);
            context.getBean(CallbackScheduler.class).schedule(() -> {
                try {
                    release.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            assertThat(health.health().block().getStatus()).isEqualTo(Status.DOWN);
            assertThat(health.health().block().getDetails().get("reason"))
                    .asString()
                    .contains("busy", "100 ms");
            release.countDown();
            await().atMost(SOON).untilAsserted(() -> {
                assertThat(health.health().block().getStatus()).isEqualTo(Status.UP);
                assertThat(health.health().block().getDetails()).containsKey("answeredWithinMicros");
            });
        });
    }

    @Test
    void theSchedulerIsDownOnceItIsClosed() {
        application.run(context -> {
            context.getBean(CallbackScheduler.class).close();
            assertThat(context.getBean("callbackSchedulerHealthIndicator", ReactiveHealthIndicator.class)
                            .health()
                            .block()
                            .getStatus())
                    .isEqualTo(Status.DOWN);
        });
    }

    /** With a real source: the same figures as the classes of the library have. */
    @Test
    void theEndpointAndTheMetersSayWhatIsCounted() {
        application.run(context -> {
            CallbackStreams streams = context.getBean(CallbackStreams.class);
            Flux<Long> events = streams.create(streams.options("counted-by-spring"), sink -> {
                Source source =
                        Source.events(sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 0);
                sink.onDispose(source::close);
                source.start(1, 100, 0);
            });
            events.take(100).blockLast(SOON);

            CallbacksEndpoint.Callbacks callbacks =
                    context.getBean(CallbacksEndpoint.class).callbacks();
            assertThat(callbacks.sources())
                    .filteredOn(source -> source.name().equals("counted-by-spring"))
                    .singleElement()
                    .satisfies(source -> assertThat(source.delivered()).isEqualTo(100));
            assertThat(callbacks.schedulers())
                    .extracting(CallbacksEndpoint.Scheduler::name)
                    .contains("callbacks");
            assertThat(callbacks.pool().stubs()).isPositive();

            SimpleMeterRegistry registry = new SimpleMeterRegistry();
            context.getBean(CallbackMeters.class).bindTo(registry);
            assertThat(registry.get("reactor.ffi.source.delivered")
                            .tag("source", "counted-by-spring")
                            .functionCounter()
                            .count())
                    .isEqualTo(100);
            assertThat(CallbackMetrics.of("counted-by-spring").delivered()).isEqualTo(100);
        });
    }

    /** The thread that waits for a stream is virtual then; the thread that delivers is the scheduler's, a platform thread. */
    @Test
    void withVirtualThreadsOnATaskWaitsForAStream() {
        application
                .withConfiguration(AutoConfigurations.of(TaskExecutionAutoConfiguration.class))
                .withPropertyValues("spring.threads.virtual.enabled=true")
                .run(context -> {
                    CallbackStreams streams = context.getBean(CallbackStreams.class);
                    Set<Thread> delivering = ConcurrentHashMap.newKeySet();
                    AtomicReference<Thread> waiting = new AtomicReference<>();
                    Flux<Long> events = streams.share(streams.options("waited-for"), sink -> {
                        Source source = Source.events(
                                sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 0);
                        sink.onDispose(source::close);
                        source.start(1, 100, 0);
                    });
                    Future<Long> count = context.getBean(AsyncTaskExecutor.class)
                            .submit(() -> {
                                waiting.set(Thread.currentThread());
                                return events.take(100)
                                        .doOnNext(_ -> delivering.add(Thread.currentThread()))
                                        .count()
                                        .block(SOON);
                            });
                    assertThat(count.get(SOON.toSeconds(), TimeUnit.SECONDS)).isEqualTo(100);
                    assertThat(waiting.get().isVirtual()).isTrue();
                    assertThat(delivering).singleElement().satisfies(thread -> {
                        assertThat(thread.isVirtual()).isFalse();
                        assertThat(thread.getName()).isEqualTo("callbacks");
                    });
                });
    }

    /** An application that makes its streams by {@link NativeFlux} alone needs nothing of this package. */
    @Test
    void theSchedulerServesStreamsThatAreMadeWithoutSpring() {
        application.run(context -> {
            CallbackStreams streams = context.getBean(CallbackStreams.class);
            assertThat(NativeFlux.<Integer>create(streams.options("by-hand"), sink -> {
                                sink.next(1);
                                sink.complete();
                            })
                            .collectList()
                            .block(SOON))
                    .containsExactly(1);
        });
    }
}
