package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Hub;
import reactor.ffi.internal.upcall.NativeThreads;
import reactor.ffi.internal.upcall.Stubs;

/**
 * Promises 2 and 5 in the long run: subscriptions come and go by the ten thousand while native code calls the pointers of
 * those that have gone. The id of its registration travels in every call; no handler ever sees that of another one.
 */
class ChurnIT {

    /** What stays reachable from one look to another may grow by this: less than 50 bytes a cycle. */
    private static final long GROWTH = 2 << 20;

    /**
     * For exact figures: a collector that leaves no dead wood, and a JDK that does not compile a form of its own for each stub
     * that was called 127 times, which is bounded by the stubs, and not what is looked for here.
     */
    private static ForkedJvm jvm(Class<?> main) {
        return ForkedJvm.of(main)
                .jvmOptions("-Xmx256m", "-XX:+UseSerialGC", "-XX:MarkSweepDeadRatio=0")
                .jvmOptions("-XX:MarkSweepAlwaysCompactCount=1")
                .jvmOptions("-Djava.lang.invoke.MethodHandle.CUSTOMIZE_THRESHOLD=-1")
                .timeout(Duration.ofSeconds(110));
    }

    private static ForkedJvmResult assertQuiet(ForkedJvmResult result) {
        return result.assertExitedCleanly()
                .assertOut("wrong ids 0", "reused early 0", "under the ceiling true", "unaccounted 0", "C errors 0");
    }

    @Test
    void callsThatComeASecondLateReachNoOtherRegistration() {
        ForkedJvmResult result = assertQuiet(jvm(LateCalls.class)
                .jvmOptions("-Dreactor.ffi.quarantine.millis=2000")
                .run());
        assertThat(result.number("late calls")).isGreaterThan(100_000);
        assertThat(result.number("growth")).isLessThan(GROWTH);
    }

    @Test
    void whatIsReleasedIsReusedAtOnce() {
        ForkedJvmResult result = assertQuiet(jvm(Released.class).run()).assertOut("stubs 1");
        assertThat(result.number("late calls")).isZero();
        assertThat(result.number("growth")).isLessThan(GROWTH);
    }

    @Test
    void tenThousandNativeThreadsComeAndGo() {
        ForkedJvmResult result = jvm(ShortLivedThreads.class)
                .run()
                .assertExitedCleanly()
                .assertOut("native threads 10000", "delivered 10000");
        assertThat(result.number("growth")).isLessThan(GROWTH / 8);
    }

    static final class LateCalls {

        private static final int CYCLES = 20_000;

        /** Of the quarantine's two seconds: 8,000 slots, which leaves room under the ceiling on a machine that stutters. */
        private static final long PERIOD = TimeUnit.SECONDS.toNanos(1) / 4_000;

        public static void main(String[] args) throws Exception {
            Cycles cycles = new Cycles(Hub.start(2, 16_384, TimeUnit.MILLISECONDS.toNanos(3)), false);
            ArrayDeque<Disposable> live = new ArrayDeque<>();
            long next = System.nanoTime();
            for (int i = 1; i <= CYCLES; i++) {
                live.add(cycles.subscribe(i));
                if (live.size() > 64) {
                    live.remove().dispose();
                }
                next = Math.max(next + PERIOD, System.nanoTime() - 20 * PERIOD); // what is lost is not caught up with
                LockSupport.parkNanos(next - System.nanoTime());
                cycles.progress(i);
            }
            live.forEach(Disposable::dispose);
            cycles.finish();
        }
    }

    static final class Released {

        private static final int CYCLES = 50_000;

        public static void main(String[] args) throws Exception {
            Cycles cycles = new Cycles(Hub.start(1, 1, TimeUnit.MICROSECONDS.toNanos(20)), true);
            for (int i = 1; i <= CYCLES; i++) {
                cycles.subscribe(i).dispose();
                cycles.awaitUnregistered();
                if (i % 10_000 == 0) {
                    cycles.progress(i);
                }
            }
            cycles.finish();
        }
    }

    static final class Cycles {

        private final Hub hub;
        private final boolean released;
        private final LongAdder wrong = new LongAdder();
        private final LongAdder handled = new LongAdder();
        private final AtomicLong gone = new AtomicLong();

        /** A look at the end; as many as are unregistered. */
        private final Semaphore unregistered = new Semaphore(0);

        private final CallbackOptions options = CallbackOptions.named("churn").overflow(Overflow.dropOldest(16));
        private int subscribed;
        private int most;
        private long used;

        Cycles(Hub hub, boolean released) {
            this.hub = hub;
            this.released = released;
        }

        Disposable subscribe(long id) {
            subscribed++;
            return NativeFlux.<Long>create(options, sink -> {
                        MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, seen) -> {
                            handled.increment();
                            if (seen != id) {
                                wrong.increment();
                            }
                            sink.next(seen);
                        });
                        int number = hub.add(pointer, id);
                        if (number < 0) {
                            throw new IllegalStateException("the hub is full");
                        }
                        sink.onDispose(() -> {
                            if (released) {
                                hub.remove(number);
                                sink.release(pointer);
                            } else {
                                hub.retire(number, TimeUnit.SECONDS.toNanos(1));
                            }
                            gone.incrementAndGet();
                            unregistered.release();
                        });
                    })
                    .subscribe(
                            value -> {
                                if (value != id) {
                                    wrong.increment();
                                }
                            },
                            error -> {
                                error.printStackTrace();
                                wrong.increment();
                            });
        }

        void awaitUnregistered() {
            unregistered.acquireUninterruptibly();
        }

        void progress(int cycle) {
            most = Math.max(most, Stubs.created());
            if (cycle % 10_000 == 0) {
                long now = cycle == 10_000 || cycle % 50_000 == 0 ? usedAfterGc() : 0;
                used = cycle == 10_000 ? now : used;
                System.out.println("cycle " + cycle + ": " + Stubs.created() + " stubs, " + Stubs.quarantined()
                        + " in quarantine, " + hub.lateCalls() + " late calls, " + now + " bytes");
                if (now > 0) {
                    System.out.println("growth " + (now - used));
                }
            }
        }

        void finish() {
            await().atMost(Duration.ofMinutes(1)).until(() -> gone.get() == subscribed);
            // Late calls end by themselves, a second after the last cycle.
            AtomicLong seen = new AtomicLong(-1);
            await().pollInterval(Duration.ofMillis(300))
                    .atMost(Duration.ofMinutes(1))
                    .until(() -> seen.getAndSet(hub.lateCalls()) == seen.get());
            hub.close();
            CallbackMetrics metrics = CallbackMetrics.of("churn");
            System.out.println("wrong ids " + wrong);
            System.out.println("reused early " + Stubs.reusedEarly());
            System.out.println("under the ceiling " + (most < 16_384));
            System.out.println("stubs " + Stubs.created());
            System.out.println("late calls " + metrics.lateCalls());
            System.out.println("unaccounted "
                    + (hub.calls() + hub.lateCalls() - handled.sum() - metrics.lateCalls() - metrics.refusedCalls()));
            System.out.println("C errors " + reactor.ffi.fixture.Fixture.errorCount());
        }
    }

    static final class ShortLivedThreads {
        public static void main(String[] args) {
            long[] used = new long[1];
            Flux<Integer> events = NativeFlux.create(CallbackOptions.named("threads"), sink -> {
                MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(thread));
                Calls.fromShortLivedThreads(pointer, 1_000, 4, 1);
                used[0] = usedAfterGc();
                Calls.fromShortLivedThreads(pointer, 9_000, 4, 1);
                System.out.println("growth " + (usedAfterGc() - used[0]));
                sink.complete();
            });
            events.count().subscribe(count -> {
                System.out.println("native threads " + NativeThreads.seen());
                System.out.println("delivered " + count);
            });
        }
    }

    static long usedAfterGc() {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            System.gc();
            Runtime runtime = Runtime.getRuntime();
            least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }
}
