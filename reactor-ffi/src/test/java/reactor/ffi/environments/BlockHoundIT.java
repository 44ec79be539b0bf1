package reactor.ffi.environments;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;
import reactor.blockhound.BlockHound;
import reactor.blockhound.BlockingOperationError;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.ReactorBlockHoundIntegration;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.Confined;
import reactor.ffi.NativeAction;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.internal.blockhound.OwnWaits;

/** BlockHound in the JVM, as users have it in their tests: it lets the library wait as it must, and catches a subscriber. */
class BlockHoundIT {

    private static final Duration LIMIT = Duration.ofSeconds(20);

    private static ForkedJvm underBlockHound(Class<?> main) {
        return ForkedJvm.of(main)
                .jvmOptions("-XX:+AllowRedefinitionToAddDeleteMethods", "-XX:+EnableDynamicAgentLoading");
    }

    /** What blocks on a thread that must not: where it was found, in the library or in a test. */
    private static final Queue<Throwable> ALARMS = new ConcurrentLinkedQueue<>();

    private static String where(Throwable alarm) {
        return Arrays.stream(alarm.getStackTrace())
                .dropWhile(frame -> !frame.getMethodName().equals("checkBlocking")) // the callback's own
                .filter(frame -> frame.getClassName().startsWith("reactor.ffi."))
                .findFirst()
                .map(frame -> frame.getClassName() + "." + frame.getMethodName())
                .orElseGet(() -> Arrays.stream(alarm.getStackTrace())
                        .map(StackTraceElement::toString)
                        .collect(joining(" < ")));
    }

    @Test
    void aRoundOfEverythingIsNoAlarm() {
        ForkedJvmResult result = underBlockHound(RoundOfEverything.class).run().assertExitedCleanly();
        assertThat(result.out().lines().toList()).as("%s", result).containsExactlyElementsOf(List.of(Round.PARTS));
    }

    static final class RoundOfEverything {
        public static void main(String[] args) throws Exception {
            BlockHound.install(builder -> builder.blockingMethodCallback(method -> {
                BlockingOperationError alarm = new BlockingOperationError(method);
                ALARMS.add(alarm);
                throw alarm;
            }));
            Round.main(new String[] {"2000", "DELIVERED"});
            ALARMS.stream().map(BlockHoundIT::where).distinct().forEach(System.out::println);
        }
    }

    /** Nobody tells it of the library's waits: it would find them, and finds no others. */
    @Test
    void withoutWhatTheLibrarySaysItsSleepWouldBeAnAlarm() {
        ForkedJvmResult result = underBlockHound(NobodySays.class).run().assertExitedCleanly();
        List<String> waits = result.out()
                .lines()
                .filter(line -> !List.of(Round.PARTS).contains(line))
                .toList();
        assertThat(waits)
                .contains("reactor.ffi.internal.loop.Idle.park")
                .allMatch(wait -> wait.startsWith("reactor.ffi.internal."));
        assertThat(waits).isSubsetOf(told());
    }

    private static List<String> told() {
        return OwnWaits.METHODS.entrySet().stream()
                .flatMap(entry -> entry.getValue().stream().map(method -> entry.getKey() + "." + method))
                .toList();
    }

    static final class NobodySays {
        public static void main(String[] args) throws Exception {
            BlockHound.builder()
                    .with(new ReactorBlockHoundIntegration())
                    .blockingMethodCallback(method -> ALARMS.add(new BlockingOperationError(method)))
                    .install();
            Round.main(new String[] {"2000", "DELIVERED"});
            ALARMS.stream().map(BlockHoundIT::where).distinct().forEach(System.out::println);
        }
    }

    @Test
    void theRestRunsWithoutBlockHound() {
        assertThat(ForkedJvm.of(Round.class)
                        .withoutLibrary("blockhound-")
                        .arguments("500", "DELIVERED")
                        .run()
                        .assertExitedCleanly()
                        .out()
                        .lines())
                .containsExactly(Round.PARTS);
    }

    @Test
    void whoBlocksTheSchedulerIsCaught() {
        assertFindsAll(underBlockHound(Blocks.class));
    }

    /** BlockHound itself does not work as a module. */
    @Test
    void whereTheLibraryIsANamedModuleItHasToReadTheClassPath() {
        assertFindsAll(underBlockHound(Blocks.class).asNamedModule().jvmOptions("--add-reads=reactor.ffi=ALL-UNNAMED"));
    }

    private static void assertFindsAll(ForkedJvm jvm) {
        ForkedJvmResult result = jvm.run().assertExitedCleanly();
        assertThat(result.out().lines())
                .containsExactly(
                        "a subscriber that sleeps: BlockingOperationError",
                        "a subscriber that waits for a lock: BlockingOperationError",
                        "a subscriber that waits for a future: BlockingOperationError",
                        "a subscriber that parks: BlockingOperationError",
                        "a subscriber that spins: BlockingOperationError",
                        "a subscriber that blocks: IllegalStateException",
                        "a task: BlockingOperationError",
                        "inside callBlocking: BlockingOperationError",
                        "a closure: BlockingOperationError",
                        "an answer: BlockingOperationError, and the fallback",
                        "another thread that must not wait for an answer: BlockingOperationError, and the fallback",
                        "an offloaded call: nothing",
                        "a handler on a native thread: nothing");
    }

    static final class Blocks {

        private final CallbackScheduler scheduler = CallbackScheduler.create("blocks");
        private final CallbackOptions options = CallbackOptions.named("blocks").on(scheduler);

        public static void main(String[] args) throws Exception {
            BlockHound.install();
            new Blocks().run();
        }

        private void run() throws Exception {
            ReentrantLock lock = new ReentrantLock();
            lock.lock();
            subscriber("sleeps", () -> Thread.sleep(1)); // BlockHound is to see that, as each of the waits below
            subscriber("waits for a lock", lock::lock);
            subscriber("waits for a future", () -> new CompletableFuture<>().get(1, TimeUnit.SECONDS));
            subscriber("parks", () -> LockSupport.parkNanos(1_000));
            subscriber("spins", Thread::onSpinWait);
            subscriber("blocks", () -> Mono.never().block(LIMIT));
            say("a task", Mono.fromCallable(Blocks::sleep).subscribeOn(scheduler));
            say(
                    "inside callBlocking",
                    Mono.fromCallable(() -> scheduler.callBlocking(Blocks::sleep))
                            .subscribeOn(scheduler));
            try (Confined<String> value = Confined.of(scheduler, "value", _ -> {})) {
                say("a closure", value.call(_ -> sleep()));
            }
            answer("an answer", Schedulers.boundedElastic(), Blocks::sleep);
            CountDownLatch busy = new CountDownLatch(1);
            AtomicBoolean free = new AtomicBoolean();
            Disposable _ = scheduler.schedule(() -> {
                busy.countDown();
                while (!free.get()) {} // a task that takes its time
            });
            busy.await();
            answer("another thread that must not wait for an answer", Schedulers.parallel(), () -> {});
            free.set(true);
            say("an offloaded call", scheduler.offload(Blocks::sleep));
            say("a handler on a native thread", stream(Blocks::sleep, () -> {}));
            scheduler.disposeGracefully().block(LIMIT);
        }

        /** What BlockHound is to see, where it must not be, and to allow elsewhere. */
        private static boolean sleep() throws InterruptedException {
            Thread.sleep(1);
            return true;
        }

        private void subscriber(String how, NativeAction block) {
            say("a subscriber that " + how, stream(() -> {}, block));
        }

        /** Whose handler does this, and whose subscriber that. */
        private Mono<Void> stream(NativeAction handler, NativeAction subscriber) {
            return NativeFlux.<Long>create(options, sink -> {
                        var pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                            perform(handler);
                            sink.next(sequence);
                        });
                        Calls.fromThreads(pointer, 1, 1, 0);
                    })
                    .doOnNext(value -> perform(subscriber))
                    .take(1)
                    .then();
        }

        private static void perform(NativeAction action) {
            try {
                action.run();
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalArgumentException(e);
            }
        }

        /** Asked for on a thread of the first, and answered on the scheduler. */
        private void answer(String who, Scheduler caller, NativeAction handler) throws InterruptedException {
            AtomicReference<Throwable> error = new AtomicReference<>();
            CountDownLatch reported = new CountDownLatch(1);
            NativeCallback<OnAsk> callback = NativeCallback.threadSafe(
                    options.onError(thrown -> {
                        error.set(thrown);
                        reported.countDown();
                    }),
                    CallbackType.of(OnAsk.class),
                    (thread, sequence, id) -> {
                        perform(handler);
                        return 1;
                    },
                    (thread, sequence, id) -> Round.FALLBACK);
            OnAsk ask = CFunction.at(callback.pointer(), OnAsk.class);
            long answer = Mono.fromCallable(() -> ask.onAsk(0, 1, 1))
                    .subscribeOn(caller)
                    .block(LIMIT);
            reported.await();
            System.out.println(who + ": " + error.get().getClass().getSimpleName()
                    + (answer == Round.FALLBACK ? ", and the fallback" : ", and " + answer));
            callback.close();
        }

        private static void say(String who, Mono<?> what) {
            String error = what.then(Mono.just("nothing"))
                    .onErrorResume(thrown -> Mono.just(thrown.getClass().getSimpleName()))
                    .block(LIMIT);
            System.out.println(who + ": " + error);
        }
    }
}
