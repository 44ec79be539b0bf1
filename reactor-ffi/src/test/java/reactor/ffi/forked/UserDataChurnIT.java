package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.PoolMetrics;
import reactor.ffi.fixture.Callbacks.OnReading;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Routed;
import reactor.ffi.internal.upcall.Stubs;

/**
 * Registrations with user data come and go on one Flux, on eight threads, while native threads call with the user data of the
 * last 256 of them, whether they live or not. No handler sees a call that is not for it, none runs when the last onDispose
 * action does, and nothing is left behind. As many cycles as {@code -Dreactor.ffi.test.userDataCycles} says, a million say,
 * and as many seconds of calls after the end as {@code -Dreactor.ffi.test.userDataAfter} says.
 */
@Timeout(value = 1, unit = TimeUnit.DAYS) // the forked JVM has a limit of its own
class UserDataChurnIT {

    private static final int CYCLES = Integer.getInteger("reactor.ffi.test.userDataCycles", 10_000);
    private static final int AFTER = Integer.getInteger("reactor.ffi.test.userDataAfter", 1);

    /**
     * What stays reachable from the first tenth to the end may grow by this: 2.0 MB were seen in 20,000 cycles, and -2.3 MB in a
     * million. If each cycle left a kilobyte behind, it would be 20 MB.
     */
    private static final long GROWTH = 6 << 20;

    /** A thousand registrations with a fallback may be kept at the end, and none at the first tenth. */
    private static final long KEPT = 1_000 * 4_096L;

    private static ForkedJvmResult run(int live, boolean fallbacks) {
        ForkedJvm jvm = ForkedJvm.of(Churn.class)
                .jvmOptions("-Xmx512m", "-XX:+UseSerialGC", "-XX:MarkSweepDeadRatio=0")
                .jvmOptions("-XX:MarkSweepAlwaysCompactCount=1")
                .jvmOptions("-Dreactor.ffi.quarantine.millis=1000", "-Dreactor.ffi.stubs.limit=1000")
                .arguments("" + CYCLES, "" + AFTER, "" + live, "" + fallbacks)
                .timeout(Duration.ofSeconds(100 + CYCLES / 1_000 + AFTER));
        return (CYCLES > 20_000 ? jvm.echo() : jvm)
                .run()
                .assertExitedCleanly()
                .assertOut(
                        "registered " + CYCLES,
                        "misdelivered 0",
                        "ran after the end 0",
                        "unaccounted 0",
                        "stubs 1",
                        "reused early 0");
    }

    @Test
    void cyclesWithoutAReleaseLeaveNothingBehind() {
        ForkedJvmResult result = run(0, false);
        assertThat(result.number("indexes")).isLessThanOrEqualTo(64);
        assertThat(result.number("growth")).isLessThan(GROWTH);
        assertThat(result.number("code growth")).isLessThan(GROWTH);
    }

    @Test
    void besides20000LiveOnesToo() {
        ForkedJvmResult result = run(20_000, false);
        assertThat(result.number("indexes")).isLessThanOrEqualTo(20_064);
        assertThat(result.number("growth")).isLessThan(GROWTH);
        assertThat(result.number("code growth")).isLessThan(GROWTH);
    }

    /** Each keeps its index for the quarantine, of a second here, and at most as many as there may be stubs. */
    @Test
    void andWithFallbacks() {
        ForkedJvmResult result = run(0, true);
        assertThat(result.number("late")).isPositive();
        assertThat(result.number("fallbacks")).isPositive();
        assertThat(result.number("indexes")).isLessThan(1_200);
        assertThat(result.number("growth")).isLessThan(GROWTH + KEPT);
        assertThat(result.number("code growth")).isLessThan(GROWTH);
    }

    static final class Churn {

        private static final int THREADS = 8;
        private static final CallbackType<OnReading> TYPE =
                CallbackType.of(OnReading.class).userData(2);

        private static final LongAdder handled = new LongAdder();
        private static final LongAdder fellBack = new LongAdder();
        private static final LongAdder misdelivered = new LongAdder();
        private static final LongAdder afterTheEnd = new LongAdder();
        private static final AtomicInteger registered = new AtomicInteger();
        private static final Set<Long> indexes = ConcurrentHashMap.newKeySet();

        /** What a registration knows, and its handlers look at. */
        private static final class Registration {

            final CountDownLatch begun = new CountDownLatch(1);
            final CountDownLatch ended = new CountDownLatch(1);
            volatile boolean over;
        }

        public static void main(String[] args) throws Exception {
            int cycles = Integer.parseInt(args[0]);
            int after = Integer.parseInt(args[1]);
            int live = Integer.parseInt(args[2]);
            boolean fallbacks = Boolean.parseBoolean(args[3]);
            Flux<Long> flux = NativeFlux.create(
                    CallbackOptions.named("churn"), (NativeSink<Long> sink) -> register(sink, fallbacks));
            Disposable.Composite kept = reactor.core.Disposables.composite();
            for (int i = 0; i < live; i++) {
                kept.add(subscribe(flux, new Registration()));
            }
            registered.set(0);
            Routed.startFire(2);
            AtomicInteger left = new AtomicInteger(cycles);
            Thread[] threads = new Thread[THREADS];
            for (int i = 0; i < THREADS; i++) {
                threads[i] = new Thread(() -> cycle(flux, left));
                threads[i].start();
            }
            while (left.get() > cycles - cycles / 10) {
                LockSupport.parkNanos(1_000_000);
            }
            long heap = ChurnIT.usedAfterGc();
            long code = code();
            for (Thread thread : threads) {
                thread.join();
            }
            long growth = ChurnIT.usedAfterGc() - heap;
            long codeGrowth = code() - code;
            long end = System.nanoTime() + after * 1_000_000_000L;
            while (System.nanoTime() < end) {
                LockSupport.parkNanos(1_000_000);
            }
            long fired = Routed.stopFire();
            CallbackMetrics metrics = CallbackMetrics.of("churn");
            System.out.println("registered " + registered);
            System.out.println("fired " + fired);
            System.out.println("handled " + handled);
            System.out.println("late " + metrics.lateCalls());
            System.out.println("unknown " + PoolMetrics.now().unknown());
            System.out.println("fallbacks " + fellBack);
            System.out.println("misdelivered " + misdelivered);
            System.out.println("ran after the end " + afterTheEnd);
            System.out.println("unaccounted "
                    + (fired
                            - handled.sum()
                            - metrics.lateCalls()
                            - PoolMetrics.now().unknown()));
            System.out.println("stubs " + Stubs.created());
            System.out.println("reused early " + Stubs.reusedEarly());
            System.out.println("indexes " + indexes.size());
            System.out.println("growth " + growth);
            System.out.println("code growth " + codeGrowth);
            kept.dispose();
        }

        private static void register(NativeSink<Long> sink, boolean fallbacks) {
            Registration mine = sink.contextView().get("registration");
            MemorySegment userData = sink.userData();
            long id = userData.address();
            indexes.add(id & 0x3fffff);
            sink.onDispose(mine.ended::countDown);
            sink.onDispose(() -> mine.over = true); // before it: the callback is inert, and its handlers have left
            OnReading handler = (meant, value, data) -> {
                handled.increment();
                check(meant, id, data);
                for (int i = 0; i < 20; i++) {
                    Thread.onSpinWait();
                }
                if (mine.over) {
                    afterTheEnd.increment();
                }
            };
            OnReading fallback = (meant, value, data) -> {
                fellBack.increment();
                check(meant, id, data);
            };
            MemorySegment pointer = fallbacks ? sink.callback(TYPE, handler, fallback) : sink.callback(TYPE, handler);
            Routed.post(pointer, userData);
            registered.incrementAndGet();
            mine.begun.countDown();
        }

        private static void check(long meant, long id, MemorySegment data) {
            if (meant != id || data.address() != id) {
                misdelivered.increment();
            }
        }

        private static Disposable subscribe(Flux<Long> flux, Registration registration) {
            return flux.contextWrite(context -> context.put("registration", registration))
                    .subscribe();
        }

        private static void cycle(Flux<Long> flux, AtomicInteger left) {
            while (left.getAndDecrement() > 0) {
                Registration registration = new Registration();
                Disposable subscription = subscribe(flux, registration);
                reactor.ffi.fixture.Latches.awaitLatch(registration.begun);
                subscription.dispose();
                reactor.ffi.fixture.Latches.awaitLatch(registration.ended);
            }
        }

        private static long code() {
            return ManagementFactory.getMemoryPoolMXBeans().stream()
                    .filter(pool -> pool.getName().startsWith("CodeHeap 'non-nmethods'"))
                    .map(MemoryPoolMXBean::getUsage)
                    .mapToLong(usage -> usage.getUsed())
                    .sum();
        }
    }
}
