package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.PoolMetrics;
import reactor.ffi.fixture.Callbacks.EchoInt;
import reactor.ffi.fixture.Callbacks.EchoSegment;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.Callbacks.OnReading;
import reactor.ffi.fixture.Callbacks.OnStructs;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.Values;

/** There are stubs for everyone, whatever one source does, and a late call reaches nobody else's handler. */
class ScarceStubsIT {

    private static ForkedJvm jvm(Class<?> main, String... options) {
        return ForkedJvm.of(main).timeout(Duration.ofMinutes(3)).jvmOptions(options);
    }

    @Test
    void aRegistrationThatThrowsAndIsRetriedLeavesStubsForTheOthers() {
        jvm(Flaky.class).run().assertExitedCleanly().assertOut("few stubs", "the others live: 5");
    }

    static final class Flaky {
        public static void main(String[] args) {
            Flux<Long> flaky = NativeFlux.create(CallbackOptions.named("flaky"), sink -> {
                sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(id));
                throw new IllegalStateException("the library has refused it");
            });
            flaky.retry(17_000).onErrorComplete().blockLast();
            System.out.println(PoolMetrics.now().stubs() < 2_000 ? "few stubs" : PoolMetrics.now());
            System.out.println("the others live: " + others());
        }
    }

    @Test
    void aSourceThatIsSubscribedAndCancelledForEverLeavesStubsForTheOthers() {
        jvm(Loop.class, "-Dreactor.ffi.stubs.limit=1024")
                .run()
                .assertExitedCleanly()
                .assertOut("few stubs", "the others live: 5");
    }

    static final class Loop {
        public static void main(String[] args) {
            AtomicLong registered = new AtomicLong();
            Flux<Long> source = NativeFlux.create(sink -> {
                MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                registered.incrementAndGet();
                Calls.n(pointer, 1, 7);
            });
            source.take(1).repeat(2_999).blockLast();
            check(registered.get() == 3_000, "each of them registers");
            System.out.println(PoolMetrics.now().stubs() < 128 ? "few stubs" : PoolMetrics.now());
            System.out.println("the others live: " + others());
        }
    }

    @Test
    void aCTypeThatTakesAllThatThereAreLeavesSomeForThoseThatHaveNone() {
        jvm(Greedy.class, "-Dreactor.ffi.stubs.limit=1600")
                .run()
                .assertExitedCleanly()
                .assertOut("one C type has 1400", "and 200 others have one", "no stub is left for");
    }

    static final class Greedy {
        public static void main(String[] args) {
            List<NativeCallback<?>> live = new ArrayList<>();
            try {
                while (live.size() < 5_000) {
                    live.add(NativeCallback.direct(EchoInt.class, value -> value));
                }
            } catch (IllegalStateException refused) {
                System.out.println("one C type has " + live.size());
                System.out.println(refused.getMessage());
            }
            int others = 0;
            try (Arena arena = Arena.ofConfined()) {
                for (int size = 1; size <= 200; size++) {
                    StructLayout struct =
                            MemoryLayout.structLayout(MemoryLayout.sequenceLayout(size, ValueLayout.JAVA_BYTE)
                                    .withName("bytes"));
                    CallbackType<EchoSegment> type =
                            CallbackType.of(EchoSegment.class).descriptor(FunctionDescriptor.of(struct, struct));
                    NativeCallback<EchoSegment> callback =
                            NativeCallback.direct(CallbackOptions.defaults(), type, value -> value, null);
                    live.add(callback);
                    if (size % 50 == 0) {
                        MemorySegment given = arena.allocate(struct).fill((byte) size);
                        check(
                                CFunction.at(callback.pointer(), type)
                                                .echo(given)
                                                .mismatch(given)
                                        < 0,
                                "the struct comes back");
                    }
                    others++;
                }
            }
            System.out.println("and " + others + " others have one");
        }
    }

    @Test
    void aComparatorForEachCallNeitherStarvesNorReachesAnother() {
        jvm(Transient.class)
                .run()
                .assertExitedCleanly()
                .assertOut("each answered", "the others live: 5", "reached 0 times");
    }

    static final class Transient {
        private static final int ROUNDS = 20_000;

        public static void main(String[] args) {
            List<MemorySegment> old = new ArrayList<>();
            for (int i = 0; i < ROUNDS; i++) {
                int id = i;
                try (NativeCallback<EchoInt> callback = NativeCallback.direct(EchoInt.class, value -> value + id)) {
                    check(Values.askInt(callback.pointer(), 1, false) == 1 + id, "its own number " + id);
                    old.add(callback.pointer());
                }
                MemorySegment mark = MemorySegment.ofAddress(8L + id);
                try (NativeCallback<EchoSegment> callback = NativeCallback.direct(EchoSegment.class, value -> mark)) {
                    check(
                            Values.askPointer(callback.pointer(), MemorySegment.ofAddress(1), false)
                                            .address()
                                    == 8L + id,
                            "its own pointer " + id);
                }
                try (NativeCallback<EchoSegment> callback = NativeCallback.direct(
                        CallbackOptions.named("structs"),
                        CallbackType.of(EchoSegment.class).descriptor(Structs.ECHO_SMALL),
                        value -> value,
                        null)) {
                    check(Values.checkSmall(callback.pointer(), false) == 0, "its own struct " + id);
                }
            }
            System.out.println("each answered");
            System.out.println("the others live: " + others());
            AtomicInteger reached = new AtomicInteger();
            List<NativeCallback<?>> live = new ArrayList<>();
            for (int i = 0; i < 500; i++) {
                live.add(NativeCallback.direct(EchoInt.class, value -> reached.incrementAndGet()));
            }
            for (MemorySegment pointer : old) {
                Values.askInt(pointer, 1, false);
            }
            System.out.println("reached " + reached + " times");
            check(live.size() == 500, "they live");
        }
    }

    /** They lived on, or were closed by another thread: native code may well have kept the pointer. */
    @Test
    void callbacksThatWereNotForOneCallAreRefusedRatherThanMixedUp() {
        jvm(Registered.class, "-Dreactor.ffi.stubs.limit=300")
                .run()
                .assertExitedCleanly()
                .assertOut("263 made, then: no stub is left for", "reached 0 times");
    }

    static final class Registered {
        public static void main(String[] args) throws InterruptedException {
            AtomicInteger reached = new AtomicInteger();
            List<NativeCallback<EchoInt>> made = new ArrayList<>();
            Supplier<NativeCallback<EchoInt>> sensor =
                    () -> NativeCallback.direct(EchoInt.class, value -> reached.incrementAndGet());
            for (int i = 0; i < 250; i++) {
                made.add(sensor.get());
            }
            Thread closes = new Thread(() -> made.forEach(NativeCallback::close));
            closes.start();
            closes.join();
            try {
                while (made.size() < 1_000) {
                    made.add(sensor.get());
                }
            } catch (IllegalStateException refused) {
                System.out.println(made.size() + " made, then: " + refused.getMessage());
            }
            for (NativeCallback<EchoInt> closed : made.subList(0, 250)) {
                Values.askInt(closed.pointer(), 1, false);
            }
            System.out.println("reached " + reached + " times");
        }
    }

    /** One heap for all code, and three of them; where the JVM says how large they are, and where only its options do. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "-XX:ReservedCodeCacheSize=8m",
                "-XX:ReservedCodeCacheSize=4m",
                "-XX:ReservedCodeCacheSize=3m",
                "-XX:ReservedCodeCacheSize=12m -XX:+SegmentedCodeCache",
                "-XX:ReservedCodeCacheSize=8m --limit-modules=java.base,jdk.unsupported",
                "-XX:TieredStopAtLevel=1"
            })
    void noNumberOfPointersStopsTheCompiler(String options) {
        ForkedJvmResult result = jvm(Full.class, options.split(" "))
                .run()
                .assertExitedCleanly()
                .assertOut("refused", "the others live: 3", "main goes on");
        assertThat(result.out() + result.err()).doesNotContain("Compiler has been disabled", "OutOfMemory");
    }

    static final class Full {
        public static void main(String[] args) {
            List<NativeCallback<?>> live = new ArrayList<>();
            try {
                while (live.size() < 20_000) {
                    NativeCallback<OnEvent> callback =
                            NativeCallback.direct(OnEvent.class, (thread, sequence, id) -> {});
                    live.add(callback);
                    Calls.n(callback.pointer(), 1, 0);
                }
            } catch (IllegalStateException refused) {
                System.out.println("refused: " + live.size() + " " + refused.getMessage());
            }
            System.out.println("the others live: " + ofOtherCTypes());
            live.forEach(NativeCallback::close);
            System.out.println("main goes on");
        }
    }

    /** The user's own ceiling is more than there is room for. */
    @Test
    void aCodeCacheThatIsFullMeansEarlyReuse() {
        jvm(FullByUser.class, "-XX:ReservedCodeCacheSize=4m", "-Dreactor.ffi.stubs.limit=100000")
                .run()
                .assertExitedCleanly()
                .assertOut("Compiler has been disabled", "cycles 6000", "early true");
    }

    static final class FullByUser {
        public static void main(String[] args) {
            // Loads classes: HotSpot has no adapter for a new method once the code cache is full.
            long early = PoolMetrics.now().reusedEarly();
            AtomicInteger cycles = new AtomicInteger();
            NativeFlux.<Long>create(sink -> {
                        sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(id));
                        cycles.incrementAndGet();
                        sink.complete();
                    })
                    .repeat(5_999)
                    .blockLast();
            System.out.println("cycles " + cycles);
            System.out.println("early " + (PoolMetrics.now().reusedEarly() > early));
        }
    }

    /** Those, one of the C type of most sources here, and a direct one. */
    private static int others() {
        registered(OnEvent.class, (thread, sequence, id) -> {});
        NativeCallback<EchoInt> direct = NativeCallback.direct(EchoInt.class, value -> value + 1);
        check(Values.askInt(direct.pointer(), 1, true) == 2, "it answers");
        return 2 + ofOtherCTypes();
    }

    /** With pointers, with structs. */
    private static int ofOtherCTypes() {
        List<Object> live = new ArrayList<>();
        live.add(registered(OnReading.class, (sequence, value, userData) -> {}));
        live.add(registered(OnPointer.class, data -> {}));
        CallbackType<OnStructs> structs = CallbackType.of(OnStructs.class).descriptor(Structs.ON_STRUCTS);
        live.add(NativeCallback.direct(CallbackOptions.defaults(), structs, (small, large, number) -> {}, null));
        return live.size();
    }

    private static <F> Disposable registered(Class<F> type, F handler) {
        List<Throwable> errors = new ArrayList<>();
        boolean[] made = new boolean[1];
        Disposable subscription = NativeFlux.create(sink -> {
                    sink.callback(type, handler);
                    made[0] = true;
                    sink.complete();
                })
                .doOnError(errors::add)
                .onErrorComplete()
                .subscribe();
        long end = System.nanoTime() + 10_000_000_000L;
        while (!subscription.isDisposed() && System.nanoTime() < end) {
            Thread.onSpinWait();
        }
        check(made[0] && errors.isEmpty(), type.getSimpleName() + " " + errors);
        return subscription;
    }

    private static void check(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }
}
