package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;

/** What a shared stream does to the life of the JVM. */
class ShareIT {

    @Test
    void aHundredThousandCancelsInOnSubscribeLeaveNothingBehindAndTheJvmExits() {
        var result = ForkedJvm.run(CancelsAtOnce.class).assertExitedCleanly();
        assertThat(result.out().lines()).containsExactly("registered 0", "registered 1, unregistered 1", "main ends");
    }

    @Test
    void theFirstSubscriberKeepsTheJvmAliveAndTheLastCancellationLetsItExit() {
        var result = ForkedJvm.run(Cancelled.class).assertExitedCleanly();
        assertThat(result.out().lines())
                .containsExactly("main ends", "one is cancelled", "two is cancelled", "unregistered");
    }

    @Test
    void itIsUnregisteredOnceAtExit() {
        var result = ForkedJvm.run(Exits.class).assertExitedWith(5);
        assertThat(result.out().lines()).containsExactly("unregistered");
    }

    @Test
    void itIsLeftAloneAndNamedWhenAHandlerOfItEndsTheJvm() {
        ForkedJvmResult result = ForkedJvm.run(ExitsInAHandler.class).assertExitedWith(5);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).contains("stays registered", "shared");
        assertThat(result.took()).isLessThan(Duration.ofSeconds(10));
    }

    static final class CancelsAtOnce {
        public static void main(String[] args) throws Exception {
            AtomicInteger registered = new AtomicInteger();
            AtomicInteger unregistered = new AtomicInteger();
            Flux<Long> shared = NativeFlux.share(CallbackOptions.named("shared"), sink -> {
                registered.incrementAndGet();
                sink.onDispose(unregistered::incrementAndGet);
            });
            for (int round = 0; round < 100_000; round++) {
                shared.subscribe(new ShareTest.CancelsAtOnce());
            }
            System.out.println("registered " + registered);
            CountDownLatch ended = new CountDownLatch(1);
            Disposable one = shared.doFinally(signal -> ended.countDown()).subscribe();
            await().until(() -> registered.get() > 0);
            one.dispose();
            ended.await();
            await().until(() -> unregistered.get() > 0);
            System.out.println("registered " + registered + ", unregistered " + unregistered);
            System.out.println("main ends");
        }
    }

    static final class Cancelled {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.shared();
            Flux<Long> shared = NativeFlux.share(
                    CallbackOptions.named("shared"), sink -> sink.onDispose(() -> System.out.println("unregistered")));
            Disposable one = shared.subscribe();
            Disposable two = shared.subscribe();
            scheduler.schedule(
                    () -> {
                        System.out.println("one is cancelled");
                        one.dispose();
                    },
                    200,
                    TimeUnit.MILLISECONDS);
            scheduler.schedule(
                    () -> {
                        System.out.println("two is cancelled");
                        two.dispose();
                    },
                    400,
                    TimeUnit.MILLISECONDS);
            System.out.println("main ends");
        }
    }

    static final class Exits {
        public static void main(String[] args) throws InterruptedException {
            CountDownLatch registered = new CountDownLatch(1);
            Flux<Long> shared = NativeFlux.share(CallbackOptions.named("shared"), sink -> {
                sink.onDispose(() -> System.out.println("unregistered"));
                registered.countDown();
            });
            shared.subscribe();
            shared.subscribe();
            registered.await();
            System.exit(5);
        }
    }

    static final class ExitsInAHandler {
        public static void main(String[] args) throws InterruptedException {
            CountDownLatch registered = new CountDownLatch(1);
            MemorySegment[] pointer = new MemorySegment[1];
            Flux<Long> shared = NativeFlux.share(CallbackOptions.named("shared"), sink -> {
                sink.onDispose(() -> System.out.println("unregistered"));
                pointer[0] = sink.callback(OnEvent.class, (thread, sequence, id) -> System.exit(5));
                registered.countDown();
            });
            shared.subscribe();
            registered.await();
            Calls.fromThreads(pointer[0], 1, 1, 0);
        }
    }
}
