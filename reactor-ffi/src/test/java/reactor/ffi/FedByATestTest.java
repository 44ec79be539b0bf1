package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Source;
import reactor.test.StepVerifier;

/** What "Tests without C" in docs/guide.md says: a test is a source, and can wait until everything is unregistered. */
@Timeout(60)
class FedByATestTest {

    @Test
    void aTestIsASource() {
        AtomicReference<NativeSink<String>> source = new AtomicReference<>();
        Flux<String> fed = NativeFlux.create(CallbackOptions.named("fed"), source::set);
        StepVerifier.create(fed.take(2))
                .then(() -> source.get().next("one"))
                .then(() -> source.get().next("two"))
                .expectNext("one", "two")
                .verifyComplete();
    }

    @Test
    void aTestSeesTheOverflowOfASlowSubscriber() {
        AtomicReference<NativeSink<Integer>> source = new AtomicReference<>();
        Flux<Integer> fed =
                NativeFlux.create(CallbackOptions.named("fed").overflow(Overflow.dropOldest(1)), source::set);
        StepVerifier.create(fed, 0)
                .then(() -> {
                    source.get().next(1);
                    source.get().next(2);
                    source.get().complete();
                })
                .thenRequest(2)
                .expectNext(2)
                .verifyComplete();
    }

    /** With a native thread that calls, whose stop takes a moment. */
    @RepeatedTest(20)
    void theEndOfTheSchedulerComesAfterTheLastAction() {
        CallbackScheduler ofTheTest = CallbackScheduler.create("test");
        AtomicBoolean unregistered = new AtomicBoolean();
        Disposable subscription = NativeFlux.<Long>create(
                        CallbackOptions.named("fed").on(ofTheTest), sink -> {
                            sink.onDispose(() -> unregistered.set(true));
                            Source source = Source.events(
                                    sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 0);
                            sink.onDispose(source::close);
                            source.start(1, Long.MAX_VALUE, 0);
                            sink.onDispose(source::stop);
                        })
                .subscribe();
        subscription.dispose();
        ofTheTest.disposeGracefully().block(Duration.ofSeconds(30));
        assertThat(unregistered).isTrue();
    }
}
