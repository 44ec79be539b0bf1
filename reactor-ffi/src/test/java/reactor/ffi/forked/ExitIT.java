package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Source;

/** Whoever ends the JVM, what is still subscribed is unregistered first, within a limit. */
class ExitIT {

    private static final long MS = 1_000_000;

    /** Far away: a hook that waits for nothing would be seen. */
    private static final String LATE = "-Dreactor.ffi.exit.limit=30000";

    private static ForkedJvmResult run(Class<?> main, String limit) {
        return ForkedJvm.of(main)
                .jvmOptions(limit, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
                .timeout(Duration.ofSeconds(60))
                .run();
    }

    private static ForkedJvmResult assertWaitedForNothing(ForkedJvmResult result) {
        assertThat(result.took()).as("%s", result).isLessThan(Duration.ofSeconds(20));
        return result;
    }

    @Test
    void aLibraryThatJoinsItsThreadsAtExitFindsNoneLeft() {
        assertWaitedForNothing(run(JoinsAtExit.class, LATE).assertExitedCleanly())
                .assertOut("joined 2, unregistered")
                .assertErr("fixture: joined 0 at exit");
    }

    static final class JoinsAtExit {
        public static void main(String[] args) throws Exception {
            CountDownLatch some = new CountDownLatch(20);
            NativeFlux.<Long>create(sink -> {
                        Source source = Source.events(
                                sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 1);
                        source.joinAtExit();
                        source.start(2, -1, MS);
                        sink.onDispose(() -> System.out.println("joined " + source.stop() + ", unregistered"));
                    })
                    .subscribe(value -> some.countDown());
            some.await();
            System.exit(0);
        }
    }

    @Test
    void aHandlerThatEndsTheJvmLeavesItsOwnSubscriptionAloneAndItIsNamed() {
        ForkedJvmResult result = assertWaitedForNothing(
                        run(ExitsInHandler.class, LATE).assertExitedWith(7))
                .assertOut("other unregistered")
                .assertErr("NativeSubscription[mine", "stays registered", "(native-");
        assertThat(result.out()).doesNotContain("mine unregistered");
    }

    static final class ExitsInHandler {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("exit");
            events("other", scheduler, () -> {}).subscribe();
            events("mine", scheduler, () -> System.exit(7)).subscribe();
        }
    }

    @Test
    void aHandlerOnTheSchedulersOwnThreadMayEndTheJvm() {
        ForkedJvmResult result = assertWaitedForNothing(
                        run(ExitsInNestedHandler.class, LATE).assertExitedWith(7))
                .assertOut("other unregistered")
                .assertErr("NativeSubscription[mine", "stays registered");
        assertThat(result.out()).doesNotContain("mine unregistered");
    }

    static final class ExitsInNestedHandler {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("exit");
            events("other", scheduler, () -> {}).subscribe();
            NativeFlux.<Long>create(CallbackOptions.named("mine").on(scheduler), sink -> {
                        MemorySegment pointer =
                                sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                        sink.onDispose(() -> System.out.println("mine unregistered"));
                        scheduler.schedule(() -> Calls.n(pointer, 1, 1));
                    })
                    .subscribe(value -> System.exit(7));
        }
    }

    @Test
    void aSubscriberThatEndsTheJvmHasEveryoneUnregisteredOnItsTurn() {
        assertWaitedForNothing(run(ExitsInOnNext.class, LATE).assertExitedWith(7))
                .assertOut("other unregistered", "mine unregistered");
    }

    static final class ExitsInOnNext {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("exit");
            events("other", scheduler, () -> {}).subscribe();
            events("mine", scheduler, () -> {}).subscribe(value -> System.exit(7));
        }
    }

    @Test
    void anActionThatEndsTheJvmLeavesItsOwnSubscriptionAloneAndItIsNamed() {
        assertWaitedForNothing(run(ExitsInAction.class, LATE).assertExitedWith(7))
                .assertOut("other unregistered")
                .assertErr("NativeSubscription[mine", "stays registered");
    }

    static final class ExitsInAction {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("exit");
            events("other", scheduler, () -> {}).subscribe();
            NativeFlux.create(CallbackOptions.named("mine").on(scheduler), sink -> {
                        sink.onDispose(() -> System.exit(7));
                        sink.complete();
                    })
                    .subscribe();
        }
    }

    @Test
    void anUnregisterThatIsUnderWayIsWaitedFor() {
        assertWaitedForNothing(run(ExitsDuringUnregister.class, LATE).assertExitedWith(7))
                .assertOut("slow unregistered", "other unregistered");
    }

    static final class ExitsDuringUnregister {
        public static void main(String[] args) throws Exception {
            CallbackScheduler scheduler = CallbackScheduler.create("exit");
            CountDownLatch begun = new CountDownLatch(1);
            Disposable slow = NativeFlux.create(CallbackOptions.named("slow").on(scheduler), sink -> {
                        sink.onDispose(() -> {
                            begun.countDown();
                            Thread.sleep(500); // an action that takes its time: the JVM must not end meanwhile
                            System.out.println("slow unregistered");
                        });
                    })
                    .subscribe();
            events("other", scheduler, () -> {}).subscribe();
            slow.dispose();
            begun.await();
            System.exit(7);
        }
    }

    @Test
    void anUnregisterThatHangsIsNamedWhenTheLimitIsOver() {
        ForkedJvmResult result = run(ExitsWithHang.class, "-Dreactor.ffi.exit.limit=300")
                .assertExitedWith(7)
                .assertErr(
                        "NativeSubscription[hanging", "CallbackScheduler(stuck)", "did not unregister within the limit")
                .assertOut("other unregistered");
        assertThat(result.took()).isLessThan(Duration.ofSeconds(20));
    }

    static final class ExitsWithHang {
        public static void main(String[] args) {
            NativeFlux.create(
                            CallbackOptions.named("hanging").on(CallbackScheduler.create("stuck")),
                            sink -> sink.onDispose(() -> new CountDownLatch(1).await()))
                    .subscribe();
            events("other", CallbackScheduler.create("free"), () -> {}).subscribe();
            System.exit(7);
        }
    }

    @Test
    void theHookCanBeSwitchedOff() {
        ForkedJvmResult result =
                run(ExitsInMain.class, "-Dreactor.ffi.exit.limit=0").assertExitedWith(7);
        assertThat(result.out()).doesNotContain("unregistered");
    }

    static final class ExitsInMain {
        public static void main(String[] args) {
            NativeFlux.create(sink -> sink.onDispose(() -> System.out.println("unregistered")))
                    .subscribe();
            System.exit(7);
        }
    }

    @Test
    void aSubscriptionDuringExitIsRefused() {
        run(SubscribesAtExit.class, LATE)
                .assertExitedWith(7)
                .assertOut("refused: the JVM is shutting down: late cannot be registered", "unregistered");
    }

    static final class SubscribesAtExit {
        public static void main(String[] args) {
            NativeFlux.create(sink -> sink.onDispose(() -> {
                        events("late", CallbackScheduler.create("late"), () -> {})
                                .subscribe(value -> {}, error -> System.out.println("refused: " + error.getMessage()));
                        System.out.println("unregistered");
                    }))
                    .subscribe();
            System.exit(7);
        }
    }

    /** Two native threads; each handler ends with that. */
    private static Flux<Long> events(String name, CallbackScheduler scheduler, Runnable then) {
        return NativeFlux.create(CallbackOptions.named(name).on(scheduler), sink -> {
            Source source = Source.events(
                            sink.callback(OnEvent.class, (thread, sequence, id) -> {
                                sink.next(sequence);
                                if (sequence == 10) {
                                    then.run();
                                }
                            }),
                            1)
                    .start(2, -1, MS);
            sink.onDispose(() -> {
                source.stop();
                System.out.println(name + " unregistered");
            });
        });
    }
}
