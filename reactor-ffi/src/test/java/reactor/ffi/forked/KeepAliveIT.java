package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Source;

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
