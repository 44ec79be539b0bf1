package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;
import reactor.ffi.PoolMetrics;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.Callbacks.OnReading;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Routed;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Until;
import reactor.ffi.internal.life.AtExit;
import reactor.ffi.internal.upcall.NativeThreads;

/** The JVM stays up while somebody wants it to, and not longer; and its end is safe from threads that come late. */
class KeepAliveIT {

    private static final long MS = 1_000_000;

    private static ForkedJvm jvm(Class<?> main) {
        return ForkedJvm.of(main)
                .jvmOptions("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
                .timeout(Duration.ofSeconds(60));
    }

    @Test
    void aSubscriptionAloneKeepsTheJvmUpUntilItIsCancelled() {
        ForkedJvmResult result = jvm(Cancelled.class).run().assertExitedCleanly();
        assertThat(result.out().lines()).containsExactly("main ends", "cancelled", "unregistered");
    }

    static final class Cancelled {
        public static void main(String[] args) {
            Disposable subscription = events(CallbackOptions.named("alive")).subscribe();
            new Timer("cancels", true)
                    .schedule(
                            new TimerTask() {
                                @Override
                                public void run() {
                                    System.out.println("cancelled");
                                    subscription.dispose();
                                }
                            },
                            500);
            System.out.println("main ends");
        }
    }

    @Test
    void aSubscriptionThatWasUnreferencedDoesNot() {
        ForkedJvmResult result = jvm(Unreferenced.class).run().assertExitedCleanly();
        assertThat(result.out().lines()).containsExactly("main ends", "unregistered");
    }

    static final class Unreferenced {
        public static void main(String[] args) {
            events(CallbackOptions.named("unreferenced").keepAlive(false)).subscribe();
            System.out.println("main ends");
        }
    }

    @Test
    void aRefOfTheSchedulerHoldsTheJvmForASubscriptionThatDoesNot() {
        jvm(Referenced.class).run().assertExitedCleanly().assertOut("main ends\n", "unref 0", "unregistered");
    }

    static final class Referenced {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("ref");
            System.out.println("ref " + scheduler.ref());
            events(CallbackOptions.named("referenced").on(scheduler).keepAlive(false))
                    .subscribe(value -> {
                        if (value == 100) {
                            System.out.println("unref " + scheduler.unref());
                        }
                    });
            System.out.println("main ends");
        }
    }

    /** Nobody is left who could take these refs back. */
    @ParameterizedTest
    @ValueSource(strings = {"scheduler", "callback", "graceful", "neverStarted"})
    void aSchedulerThatEndsTakesItsRefsWithIt(String what) {
        jvm(Disposed.class).arguments(what).run().assertExitedCleanly().assertOut("main ends with 0 refs");
    }

    static final class Disposed {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("disposed");
            NativeCallback<OnPointer> callback = NativeCallback.synchronous(scheduler, OnPointer.class, data -> {});
            switch (args[0]) {
                case "scheduler" -> {
                    scheduler.ref();
                    scheduler.schedule(() -> {});
                    scheduler.close();
                }
                case "callback" -> {
                    callback.ref();
                    callback.ref();
                    scheduler.schedule(() -> {});
                    scheduler.close();
                }
                case "graceful" -> {
                    scheduler.ref();
                    callback.ref();
                    Calls.notify(callback.pointer(), MemorySegment.NULL, true);
                    scheduler.disposeGracefully().block(Duration.ofSeconds(10));
                }
                default -> {
                    scheduler.ref();
                    callback.ref();
                    scheduler.close();
                }
            }
            scheduler.disposeGracefully().block(Duration.ofSeconds(10));
            System.out.println("main ends with " + (scheduler.refCount() + callback.refCount()) + " refs");
        }
    }

    @Test
    void everyWayToEndGivesTheTokenBack() {
        jvm(Ends.class)
                .run()
                .assertExitedCleanly()
                .assertOut("complete", "error", "refused", "thrown", "cancelled in onSubscribe");
    }

    static final class Ends {
        public static void main(String[] args) {
            NativeFlux.create(sink -> sink.complete())
                    .subscribe(value -> {}, error -> {}, () -> System.out.println("complete"));
            NativeFlux.create(sink -> sink.error(new IllegalStateException()))
                    .subscribe(value -> {}, error -> System.out.println("error"));
            CallbackScheduler disposed = CallbackScheduler.create("disposed");
            disposed.dispose();
            NativeFlux.create(CallbackOptions.named("refused").on(disposed), sink -> {})
                    .subscribe(value -> {}, error -> System.out.println("refused"));
            NativeFlux.create(sink -> {
                        throw new IllegalStateException();
                    })
                    .subscribe(value -> {}, error -> System.out.println("thrown"));
            NativeFlux.create(sink -> System.out.println("never registered"))
                    .doOnSubscribe(subscription -> {
                        subscription.cancel();
                        System.out.println("cancelled in onSubscribe");
                    })
                    .subscribe();
        }
    }

    /**
     * Without the hook, and the lingering after it, half of the runs end with a SIGSEGV. One at a time: where the timer outruns
     * the processors, its threads pile up in front of the JVM, and its end does not get a turn.
     */
    @Test
    void mainMayReturnWhileNewNativeThreadsComeIn() {
        for (int i = 0; i < 10; i++) {
            jvm(Ticking.class).run().assertExitedCleanly().assertOut("main ends");
        }
    }

    static final class Ticking {
        public static void main(String[] args) throws Exception {
            CountDownLatch some = new CountDownLatch(100);
            CallbackOptions options =
                    CallbackOptions.named("ticks").keepAlive(false).overflow(Overflow.dropOldest(64));
            NativeFlux.<Long>create(options, sink -> {
                        MemorySegment pointer = sink.callback(OnPointer.class, data -> sink.next(data.address()));
                        MemorySegment ticker = Calls.startTicker(pointer, MemorySegment.NULL, 200_000);
                        sink.onDispose(() -> Calls.deleteTicker(ticker));
                    })
                    .subscribe(value -> some.countDown());
            some.await();
            System.out.println("main ends");
        }
    }

    /**
     * Threads make their first call while {@code main} returns, and nothing but their pointer is the library's. The wait ends
     * when no call has begun for 20 ms, which on a loaded machine is soon: one run of twenty has to show it.
     */
    @ParameterizedTest
    @ValueSource(strings = {"direct", "threadSafe"})
    void lateNativeThreadsAreWaitedForWhereThereWasNoFluxEver(String kind) {
        boolean waited = false;
        for (int i = 0; i < 20 && !waited; i++) {
            ForkedJvmResult result =
                    jvm(WithoutFlux.class).arguments(kind).run().assertExitedCleanly();
            waited = result.assertOut("main ends").out().contains("call 150");
        }
        assertThat(waited).isTrue();
    }

    static final class WithoutFlux {
        public static void main(String[] args) throws Exception {
            CountDownLatch some = new CountDownLatch(10);
            AtomicInteger calls = new AtomicInteger();
            OnEvent handler = (thread, sequence, id) -> {
                some.countDown();
                if (calls.incrementAndGet() == 150) {
                    System.out.println("call 150");
                }
            };
            NativeCallback<OnEvent> callback = args[0].equals("direct")
                    ? NativeCallback.direct(OnEvent.class, handler)
                    : NativeCallback.threadSafe(CallbackScheduler.shared(), OnEvent.class, handler);
            Thread caller = new Thread(() -> Calls.fromShortLivedThreads(callback.pointer(), 500, 1, 0));
            caller.setDaemon(true);
            caller.start();
            some.await();
            System.out.println("main ends");
            if (args[0].equals("threadSafe")) {
                callback.unref();
            }
        }
    }

    /**
     * A native thread that has called before goes on calling a shared pointer, with user data whose registration has ended, or
     * that never was any: the exit of the JVM waits for a moment without a call.
     */
    @ParameterizedTest
    @ValueSource(strings = {"late", "unknown"})
    void callsWithUserDataOfNothingThatLivesAreWaitedFor(String kind) {
        boolean waited = false;
        for (int i = 0;
                i < 5 && !waited;
                i++) { // a machine that is busy may keep the native thread from calling for a second
            ForkedJvmResult result =
                    jvm(CalledAfterTheEnd.class).arguments(kind).run().assertExitedCleanly();
            waited = result.assertOut("main ends").out().contains("the exit has waited");
        }
        assertThat(waited).isTrue();
    }

    static final class CalledAfterTheEnd {

        /** For how long a new native thread, or a late call, makes the exit wait. */
        private static final long SECOND = 1_000 * MS;

        public static void main(String[] args) throws Exception {
            boolean late = args[0].equals("late");
            CountDownLatch unregistered = new CountDownLatch(1);
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            AtomicReference<MemorySegment> userData = new AtomicReference<>();
            CallbackType<OnReading> type = CallbackType.of(OnReading.class).userData(2);
            Disposable subscription = NativeFlux.<Long>create(CallbackOptions.named("ended"), sink -> {
                        sink.onDispose(unregistered::countDown);
                        pointer.set(sink.callback(type, (sequence, value, data) -> {}));
                        userData.set(sink.userData());
                    })
                    .subscribe();
            subscription.dispose();
            unregistered.await();
            Routed.startFire(1);
            Routed.post(pointer.get(), late ? userData.get() : MemorySegment.ofAddress(42));
            Until.that(
                    "calls after the end",
                    () -> late
                            ? CallbackMetrics.of("ended").lateCalls() > 0
                            : PoolMetrics.now().unknown() > 0);
            long since = System.nanoTime();
            Until.that(
                    "a second later", () -> System.nanoTime() - since > 2 * SECOND); // the thread is not new any more
            AtExit.linger(() -> {
                long start = System.nanoTime();
                NativeThreads.linger();
                if (System.nanoTime() - start >= 20 * MS) {
                    System.out.println("the exit has waited");
                }
            });
            System.out.println("main ends");
        }
    }

    private static Flux<Long> events(CallbackOptions options) {
        return NativeFlux.create(options, sink -> {
            Source source = Source.events(
                            sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 1)
                    .start(1, -1, MS);
            sink.onDispose(() -> {
                source.stop();
                System.out.println("unregistered");
            });
        });
    }
}
