package reactor.ffi.hazards;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;

/** docs/hazards.md, "Reactor": what its own sink does with a second action, and what ours does. */
class ReactorHazardsTest {

    private final List<String> story = new CopyOnWriteArrayList<>();

    @Test
    void aSecondActionForTheEnd() {
        Disposable reactors = Flux.create(sink -> {
                    sink.onDispose(() -> story.add("first"));
                    sink.onDispose(() -> story.add("second"));
                })
                .subscribe();
        assertThat(story).as("while somebody is subscribed").containsExactly("second");
        reactors.dispose();
        story.clear();

        Disposable ours = NativeFlux.create(sink -> {
                    sink.onDispose(() -> story.add("first"));
                    sink.onDispose(() -> story.add("second"));
                })
                .subscribe();
        assertThat(story).isEmpty();
        ours.dispose();
        Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> story.size() == 2);
        assertThat(story).containsExactly("second", "first");
    }

    @Test
    void anActionAfterAConsumerOfDemand() {
        Disposable ours = NativeFlux.create(sink -> {
                    sink.onRequest(n -> story.add("request"));
                    sink.onDispose(() -> story.add("unregister"));
                })
                .subscribe();
        Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> story.contains("request"));
        ours.dispose();
        Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> story.contains("unregister"));
        assertThat(story).containsExactly("request", "unregister");
    }

    /** In some of these rounds, or in none, the inner source is left behind: nobody can cancel it, but its scheduler can. */
    @Test
    void anInnerSourceThatSwitchMapLeavesSubscribed() throws Exception {
        AtomicInteger registered = new AtomicInteger();
        CallbackScheduler scheduler = CallbackScheduler.create("switched");
        Flux<Integer> inner =
                NativeFlux.create(CallbackOptions.named("switched").on(scheduler), sink -> {
                    registered.incrementAndGet();
                    sink.onDispose(registered::decrementAndGet);
                });
        for (int round = 0; round < 200; round++) {
            Sinks.Many<Integer> outer = Sinks.many().unicast().onBackpressureBuffer();
            Disposable subscription = outer.asFlux().switchMap(value -> inner).subscribe();
            Thread switching = Thread.ofPlatform().start(() -> {
                for (int value = 0; value < 20; value++) {
                    outer.tryEmitNext(value);
                }
            });
            subscription.dispose();
            switching.join();
        }
        scheduler.disposeGracefully().block(Duration.ofSeconds(20));
        assertThat(registered).hasValue(0);
    }

    /** One that is no daemon keeps the JVM up until somebody disposes of its scheduler, whether there is work or not. */
    @Test
    void theThreadOfAScheduler() throws Exception {
        Scheduler reactors = Schedulers.newSingle("single");
        try (CallbackScheduler ours = CallbackScheduler.create("ours")) {
            assertThat(threadOf(reactors).isDaemon()).isFalse();
            assertThat(threadOf(ours).isDaemon()).isTrue();
        } finally {
            reactors.dispose();
        }
    }

    private static Thread threadOf(Scheduler scheduler) throws Exception {
        CompletableFuture<Thread> thread = new CompletableFuture<>();
        scheduler.schedule(() -> thread.complete(Thread.currentThread()));
        return thread.get(20, TimeUnit.SECONDS);
    }
}
