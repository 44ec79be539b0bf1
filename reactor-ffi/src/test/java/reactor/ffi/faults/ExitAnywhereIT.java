package reactor.ffi.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.Confined;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Source;

/**
 * User code that ends the JVM where {@code ExitIT}, {@code ConfinedIT}, {@code ShareIT} and {@code RunLoopTest} do not look: a
 * stream of somebody else's is unregistered, and nobody waits for what cannot come.
 */
class ExitAnywhereIT {

    private static final long MS = 1_000_000;
    private static final long FALLBACK = -7;

    private static ForkedJvmResult run(Class<?> main, String limit, String... arguments) {
        ForkedJvmResult result = ForkedJvm.of(main)
                .jvmOptions("-Dreactor.ffi.exit.limit=" + limit, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
                .arguments(arguments)
                .timeout(Duration.ofSeconds(60))
                .run()
                .assertExitedWith(7);
        assertThat(result.took()).as("%s", result).isLessThan(Duration.ofSeconds(20));
        return result;
    }

    @ParameterizedTest
    @EnumSource
    void whoeverEndsTheJvmTheOthersAreUnregisteredAtOnce(Where where) {
        run(Exits.class, "30000", where.name()).assertOut("other unregistered");
    }

    enum Where {
        ANSWERED_HANDLER,
        DIRECT_HANDLER,
        REPLY,
        ON_REQUEST,
        DISCARD_HOOK,
        RELEASE,
        OFFLOAD
    }

    static final class Exits {

        private static final CallbackType<OnAsk> ON_ASK = CallbackType.of(OnAsk.class);
        private static final OnAsk FALL_BACK = (thread, sequence, id) -> FALLBACK;

        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("exit");
            CallbackOptions other = CallbackOptions.named("other").on(scheduler);
            NativeFlux.<Long>create(other, sink -> register(sink, "other", sink::next))
                    .subscribe();
            CallbackOptions mine = CallbackOptions.named("mine").on(scheduler);
            OnAsk exits = (thread, sequence, id) -> exit();
            switch (Where.valueOf(args[0])) {
                case ANSWERED_HANDLER -> call(NativeCallback.threadSafe(mine, ON_ASK, exits, FALL_BACK));
                case DIRECT_HANDLER -> call(NativeCallback.direct(mine, ON_ASK, exits, FALL_BACK));
                case REPLY ->
                    NativeFlux.<Long, Long>exchange(
                                    mine,
                                    sink -> register(
                                            sink, "mine", value -> sink.ask(value, Duration.ofHours(1), FALLBACK)))
                            .subscribe(exchange -> exchange.reply(exit()));
                case ON_REQUEST ->
                    NativeFlux.create(mine, sink -> sink.onRequest(n -> exit())).subscribe();
                case DISCARD_HOOK ->
                    NativeFlux.<Long>create(
                                    mine.overflow(Overflow.dropNewest(1)), sink -> register(sink, "mine", sink::next))
                            .doOnDiscard(Long.class, value -> exit())
                            .subscribe(new Stalled<>());
                case RELEASE -> Confined.of(scheduler, "value", value -> exit()).close();
                case OFFLOAD -> scheduler.offload(() -> exit()).subscribe();
            }
        }

        private static long exit() {
            System.exit(7);
            return 0;
        }

        private static void call(NativeCallback<OnAsk> callback) {
            Source.asking(callback.pointer(), 1, FALLBACK).start(1, 1, 0);
        }

        private static void register(NativeSink<?> sink, String name, LongConsumer handler) {
            OnAsk asked = (thread, sequence, id) -> {
                handler.accept(sequence);
                return sequence + id;
            };
            Source source = Source.asking(sink.callback(OnAsk.class, asked, FALL_BACK), 1, FALLBACK)
                    .start(2, -1, MS);
            sink.onDispose(() -> {
                source.stop();
                System.out.println(name + " unregistered");
            });
        }
    }

    /** What an action throws while the JVM ends is in the log, and the actions before it run. */
    @Test
    void whatAnActionThrowsAtExitIsDroppedAndNotLost() {
        run(ThrowsAtExit.class, "30000").assertOut("first undone").assertErr("IllegalStateException: thrown at exit");
    }

    static final class ThrowsAtExit {
        public static void main(String[] args) {
            Flux<Long> flux = NativeFlux.create(sink -> {
                sink.onDispose(() -> System.out.println("first undone"));
                sink.onDispose(() -> {
                    throw new IllegalStateException("thrown at exit");
                });
            });
            flux.subscribe();
            System.exit(7);
        }
    }

    /** Nothing can be unregistered then: the limit is all that ends the wait. */
    @Test
    void aSchedulerThatIsBlockedForEverDelaysTheExitByTheLimitAndIsNamed() {
        run(Blocked.class, "300")
                .assertErr(
                        "NativeSubscription[mine", "CallbackScheduler(blocked)", "did not unregister within the limit");
    }

    static final class Blocked {
        public static void main(String[] args) throws Exception {
            CountDownLatch blocked = new CountDownLatch(1);
            NativeFlux.<Long>create(
                            CallbackOptions.named("mine").on(CallbackScheduler.create("blocked")),
                            sink -> Exits.register(sink, "mine", sink::next))
                    .subscribe(value -> {
                        blocked.countDown();
                        try {
                            new CountDownLatch(1).await();
                        } catch (InterruptedException _) {
                            Thread.currentThread().interrupt();
                        }
                    });
            blocked.await();
            System.exit(7);
        }
    }
}
