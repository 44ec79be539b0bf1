package reactor.ffi;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import reactor.ffi.fixture.Callbacks.EchoLong;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Values;

/** Of the answered callback, what could end or hold up a JVM: each in one of its own. */
class NativeCallbackIT {

    private static final long FALLBACK = -7;

    @Test
    void aCountAboveZeroKeepsTheJvmAlive() {
        ForkedJvm.run(AliveUntilItFires.class)
                .assertExitedCleanly()
                .assertOut("main ends", "fired with 1 ref", "closed");
    }

    @Test
    void atZeroTheJvmMayExit() {
        ForkedJvm.run(NotAlive.class).assertExitedCleanly().assertOut("main ends");
    }

    @Test
    void oneThatDoesNotKeepTheJvmAliveLetsItExitThoughItIsThreadSafe() {
        ForkedJvm.run(NotKeptAlive.class).assertExitedCleanly().assertOut("main ends");
    }

    static final class NotKeptAlive {
        public static void main(String[] args) {
            CallbackOptions options = CallbackOptions.named("alive")
                    .on(CallbackScheduler.create("alive"))
                    .keepAlive(false);
            NativeCallback<EchoLong> callback =
                    NativeCallback.threadSafe(options, CallbackType.of(EchoLong.class), value -> value + 1, null);
            if (Values.askLong(callback.pointer(), 5, true) != 6) {
                throw new AssertionError("no answer");
            }
            System.out.println("main ends");
        }
    }

    @Test
    void closeFromAnyThreadAtAnyMomentCrashesNothing() {
        ForkedJvm.of(Churn.class)
                .timeout(Duration.ofSeconds(50))
                .run()
                .assertExitedCleanly()
                .assertOut("wrong 0");
    }

    static final class AliveUntilItFires {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("alive");
            AtomicReference<NativeCallback<OnEvent>> callback = new AtomicReference<>();
            callback.set(NativeCallback.threadSafe(scheduler, OnEvent.class, (thread, sequence, id) -> {
                System.out.println("fired with " + callback.get().refCount() + " ref");
                callback.get().close();
                callback.get().closed().subscribe(null, null, () -> System.out.println("closed"));
            }));
            Thread later = new Thread(() -> {
                try {
                    Thread.sleep(
                            400); // time in which the JVM could end, and must not: nothing else is there to wait for
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                Calls.fromThreads(callback.get().pointer(), 1, 1, 0);
            });
            later.setDaemon(true);
            later.start();
            System.out.println("main ends");
        }
    }

    static final class NotAlive {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("alive");
            NativeCallback<EchoLong> callback =
                    NativeCallback.threadSafe(scheduler, EchoLong.class, value -> value + 1);
            if (Values.askLong(callback.pointer(), 5, true) != 6 || callback.unref() != 0) {
                throw new AssertionError("no answer");
            }
            System.out.println("main ends");
        }
    }

    /** Native threads call pointers that are closed under them, by a Java thread, by the handler, and released. */
    static final class Churn {
        public static void main(String[] args) throws Exception {
            CallbackScheduler scheduler = CallbackScheduler.create("churn");
            AtomicLong wrong = new AtomicLong();
            AtomicLong fallbacks = new AtomicLong();
            AtomicLong right = new AtomicLong();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(4);
            for (int round = 0; System.nanoTime() < end; round++) {
                int kind = round % 3;
                AtomicReference<NativeCallback<OnAsk>> self = new AtomicReference<>();
                NativeCallback<OnAsk> callback = NativeCallback.threadSafe(
                        CallbackOptions.defaults().on(scheduler),
                        CallbackType.of(OnAsk.class),
                        (thread, sequence, id) -> {
                            if (kind == 0 && sequence == 20) {
                                self.get().close();
                            }
                            return sequence + id;
                        },
                        (thread, sequence, id) -> FALLBACK);
                self.set(callback);
                try (Source source =
                        Source.asking(callback.pointer(), round, FALLBACK).start(4, 50, 0)) {
                    if (kind == 1) {
                        while (source.calls() < 50) {
                            Thread.onSpinWait();
                        }
                        callback.close();
                    } else if (kind == 2) {
                        scheduler.schedule(callback::close);
                    }
                    source.await();
                    wrong.addAndGet(source.wrongAnswers());
                    right.addAndGet(source.rightAnswers());
                    fallbacks.addAndGet(source.fallbackAnswers());
                }
                callback.release();
                callback.closed().block(Duration.ofSeconds(10));
            }
            System.out.println("wrong " + wrong);
            if (right.get() == 0 || fallbacks.get() == 0) {
                throw new AssertionError(right + " right, " + fallbacks + " fallbacks");
            }
        }
    }
}
