package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Source;

/** Knowing that handlers have left; and what native threads wear. */
class NativeThreadsTest {

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final long MILLISECOND = TimeUnit.MILLISECONDS.toNanos(1);

    /** The common pool may have one thread only, and these block. */
    private static final Executor THREADS = task -> {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
    };

    private final TestCallee callee = new TestCallee();

    @AfterEach
    void noHandlerFailed() {
        assertThat(callee.thrown).isEmpty();
    }

    /** A handler that a native thread is inside of, until it is let go. */
    private static final class Inside {

        final CountDownLatch entered = new CountDownLatch(1);
        final CountDownLatch go = new CountDownLatch(1);
        final AtomicBoolean left = new AtomicBoolean();
        final Upcall upcall;
        private CompletableFuture<Void> call = CompletableFuture.completedFuture(null);

        Inside(TestCallee callee) {
            this.upcall = callee.open(OnEvent.class, (thread, sequence, id) -> {
                entered.countDown();
                awaitUninterruptibly(go);
                left.set(true);
            });
        }

        Inside call() {
            call = CompletableFuture.runAsync(() -> Calls.fromThreads(upcall.pointer(), 1, 1, 0), THREADS);
            awaitUninterruptibly(entered);
            return this;
        }

        void letGo() {
            go.countDown();
            call.join();
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        boolean interrupted = false;
        while (true) {
            try {
                latch.await();
                break;
            } catch (InterruptedException _) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Nested
    class AwaitLeft {

        @Test
        void waitsForAHandlerThatIsInside() throws Exception {
            Inside inside = new Inside(callee).call();
            inside.upcall.retire();
            assertThat(inside.upcall.awaitLeft(0)).isFalse();
            CompletableFuture<Boolean> leftWhenItReturned = CompletableFuture.supplyAsync(
                    () -> inside.upcall.awaitLeft(60 * SECOND) && inside.left.get(), THREADS);
            assertThat(leftWhenItReturned).isNotDone();
            inside.letGo();
            assertThat(leftWhenItReturned.get(10, TimeUnit.SECONDS)).isTrue();
            assertThat(inside.upcall.awaitLeft(0)).isTrue();
        }

        @Test
        void timesOut() {
            Inside inside = new Inside(callee).call();
            inside.upcall.retire();
            long start = System.nanoTime();
            assertThat(inside.upcall.awaitLeft(50 * MILLISECOND)).isFalse();
            assertThat(System.nanoTime() - start).isBetween(50 * MILLISECOND, 5 * SECOND);
            inside.letGo();
        }

        @Test
        void keepsTheInterruptFlagAndDoesNotSpinBecauseOfIt() {
            Inside inside = new Inside(callee).call();
            inside.upcall.retire();
            long cpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
            Thread.currentThread().interrupt();
            boolean left = inside.upcall.awaitLeft(300 * MILLISECOND);
            assertThat(Thread.interrupted()).isTrue();
            cpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - cpu;
            assertThat(left).isFalse();
            assertThat(cpu).isLessThan(150 * MILLISECOND);
            inside.letGo();
        }

        @Test
        void doesNotWaitForHandlersOfOtherPointers() {
            Inside other = new Inside(callee).call();
            Upcall upcall = callee.open(OnEvent.class, (thread, sequence, id) -> {});
            Calls.fromThreads(upcall.pointer(), 1, 1, 0);
            upcall.retire();
            assertThat(upcall.awaitLeft(0)).isTrue();
            other.letGo();
        }

        @Test
        void doesNotWaitForTheNextRegistrationOnTheSameSlot() {
            Upcall upcall = callee.open(OnEvent.class, (thread, sequence, id) -> {});
            upcall.release();
            Inside next = new Inside(callee).call();
            assertThat(next.upcall.pointer()).isEqualTo(upcall.pointer());
            assertThat(upcall.awaitLeft(0)).isTrue();
            next.letGo();
        }

        @Test
        void doesNotWaitForCallsThatComeWhileItWaits() throws Exception {
            Inside inside = new Inside(callee).call();
            inside.upcall.retire();
            CompletableFuture<Boolean> left =
                    CompletableFuture.supplyAsync(() -> inside.upcall.awaitLeft(60 * SECOND), THREADS);
            await().until(() -> waitsIn("awaitLeft"));
            inside.upcall.release();
            Inside next = new Inside(callee).call();
            assertThat(next.upcall.pointer()).isEqualTo(inside.upcall.pointer());
            inside.letGo();
            assertThat(left.get(10, TimeUnit.SECONDS)).isTrue();
            next.letGo();
        }

        /** Whether a thread has come to the wait itself. */
        private static boolean waitsIn(String method) {
            return Thread.getAllStackTraces().values().stream()
                    .flatMap(Arrays::stream)
                    .anyMatch(frame -> frame.getClassName().equals(NativeThreads.class.getName())
                            && frame.getMethodName().equals(method));
        }

        @Test
        void doesNotWaitForTheCallingThreadsOwn() {
            List<Boolean> left = new CopyOnWriteArrayList<>();
            Upcall[] self = new Upcall[1];
            self[0] = callee.open(OnEvent.class, (thread, sequence, id) -> {
                assertThat(self[0].isInside(Thread.currentThread())).isTrue();
                self[0].retire();
                left.add(self[0].awaitLeft(0));
            });
            Calls.fromThreads(self[0].pointer(), 1, 1, 0);
            assertThat(left).containsExactly(true);
            assertThat(self[0].isInside(Thread.currentThread())).isFalse();
        }

        @Test
        void waitsForEachThreadAndEachLevel() {
            Inside inner = new Inside(callee);
            Upcall outer = callee.open(OnEvent.class, (thread, sequence, id) -> Calls.n(inner.upcall.pointer(), 1, 0));
            CompletableFuture<Void> call =
                    CompletableFuture.runAsync(() -> Calls.fromThreads(outer.pointer(), 1, 1, 0), THREADS);
            awaitUninterruptibly(inner.entered);
            outer.retire();
            inner.upcall.retire();
            assertThat(outer.awaitLeft(0)).isFalse();
            assertThat(inner.upcall.awaitLeft(0)).isFalse();
            inner.letGo();
            call.join();
            assertThat(outer.awaitLeft(0)).isTrue();
            assertThat(inner.upcall.awaitLeft(0)).isTrue();
        }
    }

    @Nested
    class TheBarrier {

        /**
         * A call that has read the handler, and not entered it yet, must be seen inside. Without a heavy barrier some
         * hundred of a million rounds fail.
         */
        @Test
        void leavesNoHandlerRunningThatWasNotSeen() {
            // A handshake holds up the thread that calls, which then finds few slots live: they live longer for that.
            int longest = HeavyBarrier.isSystemCall() ? 61 : 1009;
            int enough = HeavyBarrier.isSystemCall() ? 10_000 : 1_000;
            AtomicInteger violations = new AtomicInteger();
            AtomicInteger handled = new AtomicInteger();
            Upcall first = callee.open(OnEvent.class, (thread, sequence, id) -> {});
            MemorySegment pointer = first.pointer();
            first.release();
            long rounds = 0;
            try (Source source = Source.events(pointer, 1)) {
                source.start(1, -1, 0);
                long end = System.nanoTime() + 3 * SECOND;
                for (; System.nanoTime() < end; rounds++) {
                    AtomicBoolean over = new AtomicBoolean();
                    Upcall upcall = callee.open(OnEvent.class, (thread, sequence, id) -> {
                        handled.getAndIncrement();
                        for (int i = 0; i < 20; i++) {
                            Thread.onSpinWait();
                        }
                        if (over.get()) {
                            violations.incrementAndGet();
                        }
                    });
                    assertThat(upcall.pointer()).isSameAs(pointer);
                    for (long i = rounds % longest; i > 0; i--) {
                        Thread.onSpinWait();
                    }
                    upcall.retire();
                    boolean left = upcall.awaitLeft(10 * SECOND);
                    over.set(true);
                    upcall.release();
                    assertThat(left).isTrue();
                }
                source.stop();
            }
            assertThat(violations)
                    .as("handlers that ran on after %d rounds", rounds)
                    .hasValue(0);
            assertThat(rounds).isGreaterThan(enough);
            assertThat(handled.get()).isGreaterThan(enough);
        }
    }

    @Nested
    class Records {

        @Test
        void ofDeadThreadsAreSweptAndTheirCallsStayCounted() {
            AtomicInteger handled = new AtomicInteger();
            MemorySegment pointer = callee.pointer(OnEvent.class, (thread, sequence, id) -> handled.getAndIncrement());
            Calls.fromShortLivedThreads(pointer, 1, 1, 0);
            int known = 0;
            long begun = NativeThreads.begun();
            long seen = NativeThreads.seen();
            for (int i = 0; i < 10; i++) {
                assertThat(Calls.fromShortLivedThreads(pointer, 1000, 20, 0)).isEqualTo(1000);
                known = Math.max(known, NativeThreads.known());
            }
            assertThat(handled).hasValue(10_001);
            assertThat(NativeThreads.begun() - begun).isEqualTo(10_000);
            assertThat(NativeThreads.seen() - seen).isEqualTo(10_000);
            assertThat(known).isLessThan(300);
        }

        @Test
        void areOneForEachThread() {
            MemorySegment pointer = callee.pointer(OnEvent.class, (thread, sequence, id) -> {});
            Calls.n(pointer, 1, 0);
            long seen = NativeThreads.seen();
            Calls.n(pointer, 100, 0);
            assertThat(NativeThreads.seen()).isEqualTo(seen);
            Calls.fromThreads(pointer, 3, 100, 0);
            assertThat(NativeThreads.seen()).isEqualTo(seen + 3);
        }

        @Test
        void workOnVirtualThreadsToo() throws Exception {
            Set<Boolean> virtual = ConcurrentHashMap.newKeySet();
            Upcall upcall = callee.open(
                    OnEvent.class,
                    (thread, sequence, id) -> virtual.add(Thread.currentThread().isVirtual()));
            Thread.ofVirtual().start(() -> Calls.n(upcall.pointer(), 3, 0)).join();
            assertThat(virtual).containsExactly(true);
            upcall.retire();
            assertThat(upcall.awaitLeft(0)).isTrue();
        }
    }

    @Nested
    class ANativeThread {

        @Test
        void hasTheNameOfItsPthread() {
            List<String> names = new CopyOnWriteArrayList<>();
            MemorySegment pointer = callee.pointer(
                    OnEvent.class,
                    (thread, sequence, id) -> names.add(Thread.currentThread().getName()));
            try (Arena arena = Arena.ofConfined()) {
                Calls.fromNamedThread(pointer, arena.allocateFrom("sensor-loop"), 0);
                Calls.fromNamedThread(pointer, arena.allocateFrom("sensor-loop"), 0);
            }
            assertThat(names)
                    .hasSize(2)
                    .doesNotHaveDuplicates()
                    .allMatch(n -> n.matches("sensor-loop \\(native-\\d+\\)"));
        }

        @Test
        void wearsTheClassLoaderOfTheRegistrationWhileTheHandlerRunsAndNoLonger() throws Exception {
            Thread current = Thread.currentThread();
            ClassLoader own = current.getContextClassLoader();
            Set<ClassLoader> loaders = ConcurrentHashMap.newKeySet();
            Set<Thread> threads = ConcurrentHashMap.newKeySet();
            try (URLClassLoader loader = new URLClassLoader(new URL[0])) {
                OnEvent handler = (thread, sequence, id) -> {
                    loaders.add(Thread.currentThread().getContextClassLoader());
                    threads.add(Thread.currentThread());
                };
                current.setContextClassLoader(loader);
                MemorySegment pointer = callee.pointer(OnEvent.class, handler);
                current.setContextClassLoader(own);
                try (Source source = Source.events(pointer, 1).startOnDemand()) {
                    source.demand(3);
                    await().until(() ->
                            callee.counters.failedCalls() == 0 && threads.size() == 1 && source.calls() == 3);
                    assertThat(loaders).containsExactly(loader);
                    Thread thread = threads.iterator().next();
                    await().until(() -> ClassLoader.getSystemClassLoader().equals(thread.getContextClassLoader()));
                }
            } finally {
                current.setContextClassLoader(own);
            }
        }

        @Test
        void losesWhatTheLastHandlerDidToItsLoaderAndFlagButKeepsThreadLocals() {
            ThreadLocal<Integer> local = new ThreadLocal<>();
            List<Object> seen = new CopyOnWriteArrayList<>();
            ClassLoader own = Thread.currentThread().getContextClassLoader();
            MemorySegment pointer = callee.pointer(OnEvent.class, (thread, sequence, id) -> {
                Thread current = Thread.currentThread();
                seen.add(current.isInterrupted());
                seen.add(own.equals(current.getContextClassLoader()));
                seen.add(local.get() == null ? "none" : local.get());
                local.set(1);
                current.setContextClassLoader(null);
                current.interrupt();
            });
            Calls.fromThreads(pointer, 1, 2, 0);
            assertThat(seen).containsExactly(false, true, "none", false, true, 1);
        }

        @Test
        void keepsTheClothesOfItsOutermostHandlerInNestedOnes() {
            List<Object> seen = new CopyOnWriteArrayList<>();
            MemorySegment inner = callee.pointer(
                    OnEvent.class,
                    (thread, sequence, id) -> seen.add(Thread.currentThread().isInterrupted()));
            MemorySegment outer = callee.pointer(OnEvent.class, (thread, sequence, id) -> {
                Thread.currentThread().interrupt();
                Calls.n(inner, 1, 0);
                seen.add(Thread.currentThread().isInterrupted());
            });
            Calls.fromThreads(outer, 1, 1, 0);
            assertThat(seen).containsExactly(true, true);
        }
    }

    @Nested
    class AJavaThread {

        @Test
        void isLeftAlone() throws Exception {
            ClassLoader own = new URLClassLoader(new URL[0]);
            assertThat(afterACall(own, false)).isEqualTo(Map.of("name", "mine", "loader", own, "interrupted", true));
        }

        @Test
        void isLeftAloneEvenIfItLooksLikeANativeOne() throws Exception {
            assertThat(afterACall(null, true)).isEqualTo(Map.of("name", "mine", "loader", "none", "interrupted", true));
        }

        private Map<String, Object> afterACall(ClassLoader own, boolean daemon) throws InterruptedException {
            Map<String, Object> seen = new ConcurrentHashMap<>();
            MemorySegment pointer = callee.pointer(OnEvent.class, (thread, sequence, id) -> {
                Thread current = Thread.currentThread();
                ClassLoader loader = current.getContextClassLoader();
                seen.put("name", current.getName());
                seen.put("loader", loader == null ? "none" : loader);
                seen.put("interrupted", current.isInterrupted());
            });
            Thread thread = new Thread(() -> {
                Thread.currentThread().interrupt();
                Calls.n(pointer, 2, 0);
            });
            thread.setName("mine");
            thread.setDaemon(daemon);
            thread.setContextClassLoader(own);
            thread.start();
            thread.join();
            return seen;
        }
    }

    @Nested
    class Linger {

        @Test
        void isShortWhenNothingHappens() {
            NativeThreads.sawLateCall();
            long start = System.nanoTime();
            NativeThreads.linger();
            assertThat(System.nanoTime() - start).isBetween(20 * MILLISECOND, 2 * SECOND);
        }

        @Test
        void lastsLongerWhileNewThreadsCome() throws InterruptedException {
            MemorySegment pointer = callee.pointer(OnEvent.class, (thread, sequence, id) -> {});
            AtomicBoolean enough = new AtomicBoolean();
            Thread caller = new Thread(() -> {
                while (!enough.get()) {
                    Calls.fromShortLivedThreads(pointer, 10, 1, 1);
                }
            });
            caller.start();
            // A machine that is busy may hold the threads up for longer than the calm that is waited for.
            await().until(() -> {
                NativeThreads.sawLateCall();
                long start = System.nanoTime();
                NativeThreads.linger();
                long took = System.nanoTime() - start;
                assertThat(took).isLessThan(4 * SECOND);
                return took >= 500 * MILLISECOND;
            });
            enough.set(true);
            caller.join();
        }

        @Test
        void lastsWhileCallsBeginButNotForEver() {
            MemorySegment pointer = callee.pointer(OnEvent.class, (thread, sequence, id) -> {});
            try (Source source = Source.events(pointer, 1)) {
                source.start(1, -1, MILLISECOND);
                // A machine that is busy may hold the native thread up for longer than the calm that is waited for.
                await().until(() -> {
                    NativeThreads.sawLateCall();
                    long start = System.nanoTime();
                    NativeThreads.linger();
                    long took = System.nanoTime() - start;
                    assertThat(took).isLessThan(2 * SECOND);
                    return took >= 200 * MILLISECOND;
                });
                source.stop();
            }
        }
    }

    @Test
    void idsOfSlotsAreNeverGivenTwice() {
        Set<Integer> ids = new HashSet<>();
        for (int i = 0; i < 50; i++) {
            assertThat(ids.add(callee.open(OnEvent.class, (thread, sequence, id) -> {}).slot.id))
                    .isTrue();
        }
    }
}
