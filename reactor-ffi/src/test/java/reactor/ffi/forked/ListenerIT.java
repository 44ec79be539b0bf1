package reactor.ffi.forked;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.ListenerType;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;
import reactor.ffi.SchedulerMetrics;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callers;
import reactor.ffi.fixture.Callers.OnSignal;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Until;
import reactor.test.StepVerifier;

/** Listeners are called from where a bare upcall would end the JVM, and while it ends. */
class ListenerIT {

    private static final CallbackOptions OPTIONS =
            CallbackOptions.named("listened").overflow(Overflow.dropNewest(8192));

    @BeforeEach
    void machineCode() {
        assumeTrue(ListenerType.of(OnEvent.class).isNative(), "listeners are upcalls here");
    }

    private static Flux<Long> events(AtomicReference<MemorySegment> pointer) {
        return NativeFlux.create(
                OPTIONS,
                sink -> pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(sequence))));
    }

    // ---- where no Java can run

    @ParameterizedTest
    @ValueSource(strings = {"dropNewest", "error", "block"})
    void aCriticalDowncallMayCallIt(String policy) {
        ForkedJvm.of(Critical.class)
                .arguments(policy)
                .run()
                .assertExitedCleanly()
                .assertOut("1000 of 1000");
    }

    static final class Critical {

        public static void main(String[] args) throws Throwable {
            MethodHandle callN = callN();
            AtomicLong got = new AtomicLong();
            Overflow overflow = switch (args[0]) {
                case "error" -> Overflow.error(1024);
                case "block" -> Overflow.block(1024, Duration.ofMinutes(1));
                default -> Overflow.dropNewest(1024);
            };
            NativeFlux.<Long>create(OPTIONS.overflow(overflow), sink -> {
                        callN.invokeExact(
                                sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(id)), 1000L, 7L);
                        sink.complete();
                    })
                    .doOnNext(id -> got.incrementAndGet())
                    .blockLast();
            System.out.println(got + " of 1000");
        }

        @SuppressWarnings("restricted")
        static MethodHandle callN() {
            Path library = Path.of(System.getProperty(Fixture.FOLDER), "libfixture.so");
            MemorySegment function = SymbolLookup.libraryLookup(library, Arena.global())
                    .find("call_n")
                    .orElseThrow();
            return Linker.nativeLinker()
                    .downcallHandle(
                            function,
                            FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_LONG),
                            Linker.Option.critical(false));
        }
    }

    @Test
    void aCriticalDowncallThatWaitsForRoomEndsAtTheLimit() {
        ForkedJvm.run(CriticalWait.class)
                .assertExitedCleanly()
                .assertOut("the ring of listened is full", "dropped 1, late 935");
    }

    static final class CriticalWait {

        public static void main(String[] args) throws Throwable {
            MethodHandle callN = Critical.callN();
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            Flux<Long> events = NativeFlux.create(
                    OPTIONS.overflow(Overflow.block(64, Duration.ofSeconds(2))),
                    sink -> pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(id))));
            StepVerifier.create(events, 0)
                    .then(() -> {
                        Thread collector = new Thread(() -> {
                            Until.that(
                                    "a thread waits",
                                    () -> CallbackMetrics.of("listened").waiting() == 1);
                            System.gc(); // waits for the critical downcall
                        });
                        collector.start();
                        call(callN, pointer.get());
                    })
                    .thenRequest(64)
                    .expectNextCount(64)
                    .consumeErrorWith(error -> System.out.println(error.getMessage()))
                    .verify();
            CallbackMetrics metrics = CallbackMetrics.of("listened");
            System.out.println("dropped " + metrics.droppedCalls() + ", late " + metrics.lateCalls());
        }

        private static void call(MethodHandle callN, MemorySegment pointer) {
            try {
                callN.invokeExact(pointer, 1000L, 7L);
            } catch (Throwable thrown) {
                throw new AssertionError(thrown);
            }
        }
    }

    @Test
    void aThreadWithASmallStackMayCallIt() {
        ForkedJvm.run(SmallStack.class).assertExitedCleanly().assertOut("10 calls");
    }

    static final class SmallStack {
        public static void main(String[] args) {
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            AtomicLong got = new AtomicLong();
            events(pointer).subscribe(value -> got.incrementAndGet());
            for (int i = 0; i < 10; i++) {
                assertThat(Calls.withStack(pointer.get(), 16 << 10, i)).isZero();
            }
            Until.that("ten", () -> got.get() == 10);
            System.out.println(got + " calls");
            System.exit(0);
        }
    }

    @Test
    void anAtExitFunctionMayCallIt() {
        ForkedJvm.run(AtExit.class)
                .assertExitedCleanly()
                .assertErr(
                        "fixture: calls at exit", "fixture: called at exit", "fixture: called in a static destructor");
    }

    static final class AtExit {
        public static void main(String[] args) {
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            events(pointer).subscribe();
            Calls.atEnd(pointer.get(), false);
            Calls.atEnd(pointer.get(), true);
            System.exit(0);
        }
    }

    @Test
    void signalsToAllThreadsOfTheJvmArriveOrAreCounted() {
        ForkedJvm.run(Storm.class).assertExitedCleanly().assertOut("all there");
    }

    static final class Storm {

        private static final long SIGNALS = 100_000;

        public static void main(String[] args) throws Exception {
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            AtomicLong got = new AtomicLong();
            NativeFlux.<Integer>create(
                            OPTIONS,
                            sink -> pointer.set(sink.listener(
                                    ListenerType.of(OnSignal.class).signalSafe(), (number, info, context) -> {
                                        sink.next(number);
                                    })))
                    .subscribe(number -> got.incrementAndGet());
            Thread busy = new Thread(Storm::collectAndCompile);
            busy.setDaemon(true);
            busy.start();
            int threads = Callers.storm(pointer.get(), SIGNALS);
            CallbackMetrics[] metrics = new CallbackMetrics[1];
            Until.that("all", () -> {
                metrics[0] = CallbackMetrics.of("listened");
                return metrics[0].handledCalls() + metrics[0].droppedCalls() == SIGNALS;
            });
            System.out.println("all there: " + threads + " threads, " + metrics[0]);
            System.exit(got.get() > 0 ? 0 : 1);
        }

        private static void collectAndCompile() {
            while (true) {
                byte[][] garbage = new byte[100][];
                for (int i = 0; i < garbage.length; i++) {
                    garbage[i] = ("garbage " + i).repeat(100).getBytes(StandardCharsets.UTF_8);
                }
                System.gc();
            }
        }
    }

    @Test
    void signalsThatInterruptAProducerOfTheSameRingLoseNothing() {
        ForkedJvm.run(Interrupted.class).assertExitedCleanly().assertOut("all there");
    }

    static final class Interrupted {

        private static final long SIGNALS = 50_000;

        public static void main(String[] args) {
            AtomicReference<MemorySegment> event = new AtomicReference<>();
            AtomicReference<MemorySegment> signal = new AtomicReference<>();
            long[] next = new long[1];
            AtomicLong outOfOrder = new AtomicLong();
            NativeFlux.<Long>create(OPTIONS, sink -> {
                        event.set(sink.listener(OnEvent.class, (thread, sequence, id) -> {
                            if (sequence < next[0]) {
                                outOfOrder.incrementAndGet();
                            }
                            next[0] = sequence;
                            sink.next(sequence);
                        }));
                        signal.set(sink.listener(OnSignal.class, (number, info, context) -> sink.next(-1L)));
                    })
                    .subscribe();
            long calls = Callers.underSignals(event.get(), signal.get(), SIGNALS);
            assertThat(calls).as("errno is left alone").isPositive();
            Until.that("all", () -> {
                CallbackMetrics metrics = CallbackMetrics.of("listened");
                return metrics.handledCalls() + metrics.droppedCalls() == calls + SIGNALS;
            });
            assertThat(outOfOrder).hasValue(0);
            System.out.println("all there");
            System.exit(0);
        }
    }

    // ---- the process

    /** The child has no rings: they are wiped, so that its calls are late, and reach no record of the parent. */
    @Test
    void aChildThatIsForkedWhileThreadsWaitChangesNothing() {
        ForkedJvm.run(Fork.class).assertExitedCleanly().assertOut("child 0", "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]");
    }

    static final class Fork {
        public static void main(String[] args) throws Exception {
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            List<Long> values = new CopyOnWriteArrayList<>();
            CountDownLatch all = new CountDownLatch(12);
            BaseSubscriber<Long> subscriber = new BaseSubscriber<>() {
                @Override
                protected void hookOnSubscribe(Subscription subscription) {
                    // requests later
                }

                @Override
                protected void hookOnNext(Long value) {
                    values.add(value);
                    all.countDown();
                }
            };
            NativeFlux.<Long>create(
                            OPTIONS.overflow(Overflow.block(8, Duration.ofMinutes(1))),
                            sink -> pointer.set(
                                    sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(sequence))))
                    .subscribe(subscriber);
            Thread calls = new Thread(() -> Calls.fromThreads(pointer.get(), 1, 12, 0));
            calls.start();
            Until.that("a thread waits", () -> CallbackMetrics.of("listened").waiting() == 1);
            System.out.println("child " + Callers.inChild(pointer.get(), 100));
            subscriber.request(100);
            calls.join();
            all.await();
            System.out.println(values);
            System.exit(0);
        }
    }

    @Test
    void memoryThatTheSystemRefusesFailsOneStreamWithTheRemedyAndNoOther() {
        ForkedJvm.run(Refused.class)
                .assertExitedCleanly()
                .assertOut("the system refuses mmap of", "errno 12", "smaller capacity", "10 calls");
    }

    static final class Refused {
        public static void main(String[] args) {
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            AtomicLong got = new AtomicLong();
            events(pointer).subscribe(value -> got.incrementAndGet());
            Callers.limitAddressSpace(256 << 20);
            NativeFlux.<Long>create(
                            OPTIONS.overflow(Overflow.dropNewest(1 << 24)),
                            sink -> sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)))
                    .subscribe(value -> {}, error -> System.out.println(error.getMessage()));
            Calls.n(pointer.get(), 10, 0);
            Until.that("ten", () -> got.get() == 10);
            System.out.println(got + " calls");
            System.exit(0);
        }
    }

    @Test
    void twoCopiesOfTheLibraryInOneProcessDoNotDisturbEachOther() {
        ForkedJvm.run(Twice.class).assertExitedCleanly().assertOut("[1000, 1000]");
    }

    static final class Twice {

        /** Run in both copies. */
        public static final class Copy implements Callable<Long> {
            @Override
            public Long call() {
                AtomicReference<MemorySegment> pointer = new AtomicReference<>();
                AtomicLong got = new AtomicLong();
                events(pointer).subscribe(value -> got.incrementAndGet());
                for (int i = 1; i <= 1000; i++) {
                    int wanted = i;
                    Calls.n(pointer.get(), 1, i);
                    if (i % 100 == 0) {
                        Until.that("all so far", () -> got.get() == wanted);
                    }
                }
                return got.get();
            }
        }

        @SuppressWarnings("unchecked")
        public static void main(String[] args) throws Exception {
            String[] entries = System.getProperty("java.class.path").split(File.pathSeparator, -1);
            URL[] urls = new URL[entries.length];
            for (int i = 0; i < urls.length; i++) {
                urls[i] = Path.of(entries[i]).toUri().toURL();
            }
            ClassLoader another = new URLClassLoader(urls, ClassLoader.getPlatformClassLoader());
            Class<?> copy = another.loadClass(Copy.class.getName());
            assertThat(copy).isNotSameAs(Copy.class);
            ExecutorService executor = Executors.newFixedThreadPool(2);
            List<Future<Long>> both = executor.invokeAll(List.of(
                    new Copy(), (Callable<Long>) copy.getDeclaredConstructor().newInstance()));
            System.out.println(List.of(both.get(0).get(), both.get(1).get()));
            System.exit(0);
        }
    }

    @Test
    void aThousandSilentListenersOnOneSchedulerCostNothing() {
        ForkedJvm.run(Silent.class).assertExitedCleanly().assertOut("asleep", "1000 calls");
    }

    static final class Silent {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("silent");
            List<MemorySegment> pointers = new CopyOnWriteArrayList<>();
            AtomicLong got = new AtomicLong();
            for (int i = 0; i < 1000; i++) {
                NativeFlux.<Long>create(
                                CallbackOptions.named("silent").on(scheduler).overflow(Overflow.dropNewest(8)),
                                sink -> pointers.add(
                                        sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(sequence))))
                        .subscribe(value -> got.incrementAndGet());
            }
            long[] wakeUps = {-1};
            Awaitility.await()
                    .during(Duration.ofSeconds(2))
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> {
                        long before = wakeUps[0];
                        wakeUps[0] = SchedulerMetrics.of(scheduler).wakeUps();
                        return before == wakeUps[0];
                    });
            System.out.println("asleep");
            pointers.forEach(pointer -> Calls.n(pointer, 1, 0));
            Until.that("all", () -> got.get() == 1000);
            System.out.println(got + " calls");
            System.exit(0);
        }
    }

    // ---- the end

    @RepeatedTest(3)
    void systemExitUnderFire() {
        ForkedJvm.run(Exits.class, "exit").assertExitedCleanly().assertOut("unregistered");
    }

    @Test
    void mainReturnsUnderFire() {
        ForkedJvm.run(Exits.class, "return").assertExitedCleanly().assertOut("unregistered");
    }

    static final class Exits {
        public static void main(String[] args) throws Exception {
            CountDownLatch some = new CountDownLatch(10_000);
            NativeFlux.<Long>create(OPTIONS.keepAlive(args[0].equals("exit")), sink -> {
                        Source source = Source.events(
                                sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 1);
                        source.start(4, -1, 0);
                        sink.onDispose(() -> {
                            source.stopLate(50_000_000);
                            System.out.println("unregistered");
                        });
                    })
                    .subscribe(value -> some.countDown());
            some.await();
            if (args[0].equals("exit")) {
                System.exit(0);
            }
        }
    }

    // ---- lives

    /** Threads that go on with pointers of earlier lives: each call is counted once, in its own life or as late. */
    @Test
    void tenThousandLivesOnTheSameRings() {
        ForkedJvm.of(Lives.class)
                .jvmOptions("-Xmx256m")
                .timeout(Duration.ofMinutes(2))
                .run()
                .assertExitedCleanly()
                .assertOut("difference 0, wrong 0");
    }

    static final class Lives {

        public static void main(String[] args) throws Exception {
            AtomicLong wrong = new AtomicLong();
            CallbackOptions small = OPTIONS.overflow(Overflow.dropNewest(256));
            Callers.start(2);
            for (int life = 0; life < 10_000; life++) {
                AtomicLong mine = new AtomicLong();
                var subscription = NativeFlux.<Long>create(small, sink -> {
                            Callers.register(sink.listener(OnEvent.class, (thread, sequence, id) -> {
                                if (id != sequence * 3) {
                                    wrong.incrementAndGet();
                                }
                                mine.incrementAndGet();
                                sink.next(sequence);
                            }));
                        })
                        .subscribe();
                if (life % 100 == 0) {
                    Until.that("some", () -> mine.get() > 0);
                }
                if (life == 9_999) {
                    Callers.register(MemorySegment.NULL);
                }
                subscription.dispose();
            }
            long calls = Callers.stop();
            CountDownLatch settled = new CountDownLatch(1);
            NativeFlux.create(small, sink -> sink.complete())
                    .doFinally(signal -> settled.countDown())
                    .subscribe();
            settled.await();
            // A record of an earlier life that came after the end is counted when its ring is used again.
            for (int i = 0; i < 16; i++) {
                NativeFlux.<Long>create(small, sink -> {
                            sink.listener(OnEvent.class, (thread, sequence, id) -> {});
                        })
                        .subscribe();
            }
            CallbackMetrics metrics = CallbackMetrics.of("listened");
            long counted =
                    metrics.handledCalls() + metrics.droppedCalls() + metrics.lateCalls() + metrics.refusedCalls();
            System.out.println(calls + " calls, " + metrics);
            System.out.println("difference " + (calls - counted) + ", wrong " + wrong);
            System.exit(0);
        }
    }
}
