package reactor.ffi.hazards;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.fixture.Latches.awaitLatch;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeCallback;
import reactor.ffi.PoolMetrics;
import reactor.ffi.fixture.BareStub;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;

/** docs/hazards.md, "The life of a function pointer": what a bare upcall does, and what ours does in its place. */
class PointerHazardsIT {

    private static NativeCallback<OnEvent> ours(OnEvent handler) {
        return NativeCallback.direct(CallbackOptions.named("pointers"), CallbackType.of(OnEvent.class), handler, null);
    }

    /** With another pointer made meanwhile, the same address may be that one's. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aCallAfterTheEndOfItsArena(boolean another) {
        ForkedJvmResult bare = Bridge.BARE.run(CalledAfterTheEnd.class, Boolean.toString(another));
        if (bare.crashed()) {
            bare.assertOut("calls");
        } else {
            bare.assertOut("the wrong one");
            assertThat(another).as("only another pointer can be reached").isTrue();
        }

        ForkedJvmResult ours = Bridge.OURS
                .run(CalledAfterTheEnd.class, Boolean.toString(another))
                .assertExitedCleanly()
                .assertOut("C returned", "late 1");
        assertThat(ours.out()).doesNotContain("the first one", "the wrong one");
    }

    static final class CalledAfterTheEnd {
        public static void main(String[] args) {
            boolean another = Boolean.parseBoolean(args[1]);
            OnEvent first = (thread, sequence, id) -> System.out.println("the first one");
            OnEvent wrong = (thread, sequence, id) -> System.out.println("the wrong one");
            MemorySegment pointer;
            if (Bridge.of(args) == Bridge.BARE) {
                try (Arena arena = Arena.ofConfined()) {
                    pointer = MemorySegment.ofAddress(
                            BareStub.of(OnEvent.class, first, arena).address());
                }
                if (another) {
                    BareStub.of(OnEvent.class, wrong);
                }
            } else {
                try (NativeCallback<OnEvent> callback = ours(first)) {
                    pointer = callback.pointer();
                }
                if (another) {
                    ours(wrong);
                }
            }
            System.out.println("calls");
            Calls.n(pointer, 1, 0);
            System.out.println("C returned");
            System.out.println("late " + CallbackMetrics.of("pointers").lateCalls());
        }
    }

    @Test
    void anEndWhileACallIsInside() {
        Bridge.BARE.run(EndsUnderACall.class).assertCrashed().assertOut("ended");
        Bridge.OURS.run(EndsUnderACall.class).assertExitedCleanly().assertOut("ended", "C returned");
    }

    static final class EndsUnderACall {
        public static void main(String[] args) throws InterruptedException {
            boolean bare = Bridge.of(args) == Bridge.BARE;
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch ended = new CountDownLatch(1);
            OnEvent handler = (thread, sequence, id) -> {
                inside.countDown();
                awaitLatch(ended);
            };
            Arena arena = Arena.ofShared();
            NativeCallback<OnEvent> callback = ours(handler);
            long pointer = (bare ? BareStub.of(OnEvent.class, handler, arena) : callback.pointer()).address();
            Thread caller = new Thread(() -> Calls.fromThreads(MemorySegment.ofAddress(pointer), 1, 1, 0));
            caller.start();
            inside.await();
            arena.close();
            callback.close();
            System.out.println("ended");
            // Whatever the freed code is reused for.
            for (int i = 0; i < 50; i++) {
                Bridge.of(args).pointer(OnEvent.class, (thread, sequence, id) -> {});
            }
            ended.countDown();
            caller.join();
            System.out.println("C returned");
        }
    }

    @Test
    void aPointerThatOnlyCHolds() {
        Bridge.BARE.run(OnlyCHolds.class).assertCrashed();
        Bridge.OURS.run(OnlyCHolds.class).assertExitedCleanly().assertOut("called 20 times");
    }

    static final class OnlyCHolds {

        private static int called;

        public static void main(String[] args) {
            OnEvent handler = (thread, sequence, id) -> called++;
            boolean bare = Bridge.of(args) == Bridge.BARE;
            Calls.store(
                    bare
                            ? BareStub.of(OnEvent.class, handler, Arena.ofAuto())
                            : ours(handler).pointer(),
                    0);
            for (int i = 0; i < (bare ? 2_000 : 20); i++) { // until a cleaner has had its turn
                System.gc();
                Calls.stored(false);
            }
            System.out.println("called " + called + " times");
        }
    }

    @Test
    void pointersThatAreNeverFreedNorReused() {
        ForkedJvmResult bare = smallCodeCache(Bridge.BARE)
                .run()
                .assertExitedCleanly()
                .assertOut("OutOfMemoryError: Failed to allocate upcall stub");
        assertThat(bare.out() + bare.err()).contains("CodeCache is full. Compiler has been disabled.");

        ForkedJvmResult ours = smallCodeCache(Bridge.OURS)
                .run()
                .assertExitedCleanly()
                .assertOut("made 10000, called 10000", "stubs 1\n");
        assertThat(ours.out() + ours.err()).doesNotContain("CodeCache");
    }

    /** Room for some 4,000 stubs of 0.8 KB. */
    private static ForkedJvm smallCodeCache(Bridge bridge) {
        return bridge.jvm(ManyPointers.class).jvmOptions("-XX:ReservedCodeCacheSize=4m");
    }

    static final class ManyPointers {
        public static void main(String[] args) {
            int[] called = new int[1];
            OnEvent handler = (thread, sequence, id) -> called[0]++;
            int made = 0;
            try {
                for (; made < 10_000; made++) {
                    if (Bridge.of(args) == Bridge.BARE) {
                        Calls.n(BareStub.of(OnEvent.class, handler), 1, 0);
                    } else {
                        NativeCallback<OnEvent> callback = ours(handler);
                        Calls.n(callback.pointer(), 1, 0);
                        callback.close();
                        callback.release();
                    }
                }
            } catch (OutOfMemoryError full) {
                System.out.println(full);
            }
            System.out.println("made " + made + ", called " + called[0]);
            System.out.println("stubs " + PoolMetrics.now().stubs());
        }
    }

    /** The library can do nothing here: it does not load it. */
    @Test
    void aLibraryThatIsUnloadedUnderItsOwnThreads() {
        Bridge.BARE.run(Unloads.class, "shared").assertCrashed().assertOut("threads run");
        Bridge.BARE.run(Unloads.class, "global").assertExitedCleanly().assertOut("threads run", "joined 2");
    }

    /** Without the class Fixture, which has the library loaded for ever. */
    static final class Unloads {
        @SuppressWarnings("restricted")
        public static void main(String[] args) throws Throwable {
            Path library = Path.of(System.getProperty(Fixture.FOLDER), "libfixture.so");
            Arena shared = Arena.ofShared();
            SymbolLookup lookup =
                    SymbolLookup.libraryLookup(library, args[1].equals("shared") ? shared : Arena.global());
            MethodHandle make = bind(lookup, "source_new", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_LONG));
            MethodHandle start = bind(
                    lookup, "source_start", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG, JAVA_LONG));
            MethodHandle stop = bind(lookup, "source_stop", FunctionDescriptor.of(JAVA_INT, ADDRESS));
            CountDownLatch called = new CountDownLatch(1);
            MemorySegment pointer =
                    Bridge.of(args).pointer(OnEvent.class, (thread, sequence, id) -> called.countDown());
            MemorySegment source = (MemorySegment) make.invokeExact(pointer, 1L);
            int _ = (int) start.invokeExact(source, 2, -1L, 1_000L);
            called.await();
            System.out.println("threads run");
            shared.close();
            if (args[1].equals("shared")) {
                new CountDownLatch(1).await();
            }
            System.out.println("joined " + (int) stop.invokeExact(source));
        }

        @SuppressWarnings("restricted")
        private static MethodHandle bind(SymbolLookup lookup, String name, FunctionDescriptor descriptor) {
            return Linker.nativeLinker().downcallHandle(lookup.find(name).orElseThrow(), descriptor);
        }
    }

    /** C that calls after it was said to be done with a pointer cannot be told from a new call. */
    @Test
    void aLateCallOnAPointerThatIsReused() {
        ForkedJvm.run(Reused.class)
                .assertExitedCleanly()
                .assertOut("in quarantine: nobody", "after release: the new one");
    }

    static final class Reused {
        public static void main(String[] args) {
            AtomicBoolean reached = new AtomicBoolean();
            NativeCallback<OnEvent> first = ours((thread, sequence, id) -> {});
            MemorySegment pointer = first.pointer();
            first.close();
            NativeCallback<OnEvent> second = ours((thread, sequence, id) -> reached.set(true));
            Calls.n(pointer, 1, 0);
            System.out.println("in quarantine: " + (reached.get() ? "the new one" : "nobody"));
            second.close();
            second.release();
            first.release();
            ours((thread, sequence, id) -> reached.set(true));
            ours((thread, sequence, id) -> reached.set(true));
            Calls.n(pointer, 1, 0);
            System.out.println("after release: " + (reached.get() ? "the new one" : "nobody"));
        }
    }
}
