package reactor.ffi.hazards;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
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
