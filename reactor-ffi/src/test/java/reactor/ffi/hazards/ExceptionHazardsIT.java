package reactor.ffi.hazards;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.WrongMethodTypeException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeAction;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.fixture.BareStub;
import reactor.ffi.fixture.Callbacks.EchoInt;
import reactor.ffi.fixture.Callbacks.EchoSegment;
import reactor.ffi.fixture.Callbacks.GivePair;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnEventPair;
import reactor.ffi.fixture.Callbacks.OnEventPointer;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.Callbacks.OnText;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.FullHeap;
import reactor.ffi.fixture.Memory;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.Until;
import reactor.ffi.fixture.Values;

/** docs/hazards.md, "Exceptions": what a bare upcall does, and what ours does in its place. */
class ExceptionHazardsIT {

    @Test
    void anExceptionThatLeavesACallback() {
        ForkedJvmResult bare = Bridge.BARE
                .run(Throws.class)
                .assertExitedWith(1)
                .assertErr("on purpose", "Unrecoverable uncaught exception encountered")
                .assertOut("shutdown hook");
        assertThat(bare.out()).doesNotContain("uncaught handler", "caught around", "C returned");

        Bridge.OURS.run(Throws.class).assertExitedCleanly().assertOut("C returned", "shutdown hook");
    }

    static final class Throws {
        public static void main(String[] args) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("shutdown hook")));
            Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> System.out.println("uncaught handler"));
            MemorySegment pointer = Bridge.of(args).pointer(OnEvent.class, (thread, sequence, id) -> {
                throw new IllegalStateException("on purpose");
            });
            try {
                Calls.n(pointer, 1, 0);
                System.out.println("C returned");
            } catch (Throwable _) {
                System.out.println("caught around the C call");
            }
        }
    }

    @Test
    void aShutdownHookThatJoinsTheThreadWhichHasThrown() {
        ForkedJvmResult bare = Bridge.BARE
                .jvm(JoinedAtExit.class)
                .hangingWithin(Bridge.HANGS_WITHIN)
                .run();
        bare.assertHung().assertOut("hook joins");
        assertThat(bare.out()).doesNotContain("joined");

        Bridge.OURS.run(JoinedAtExit.class).assertExitedCleanly().assertOut("C returned", "hook joins", "joined");
    }

    static final class JoinedAtExit {
        public static void main(String[] args) {
            AtomicReference<Thread> nativeThread = new AtomicReference<>();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                System.out.println("hook joins");
                try {
                    nativeThread.get().join();
                    System.out.println("joined");
                } catch (InterruptedException _) {
                    Thread.currentThread().interrupt();
                }
            }));
            MemorySegment pointer = Bridge.of(args).pointer(OnEvent.class, (thread, sequence, id) -> {
                nativeThread.set(Thread.currentThread());
                throw new IllegalStateException("on purpose");
            });
            Calls.fromThreads(pointer, 1, 1, 0);
            System.out.println("C returned");
        }
    }

    /** At its 128th call the JDK makes a method handle of the pointer's own, outside of every catch. */
    @ParameterizedTest
    @EnumSource
    void aFullHeapWhileTheJdkOptimisesTheCall(Bridge bridge) {
        ForkedJvmResult result = heapFull(bridge).run().assertCrashed();
        assertThat(result.crashLog()).contains("Unrecoverable uncaught exception encountered");

        heapFull(bridge)
                .jvmOptions("-Djava.lang.invoke.MethodHandle.CUSTOMIZE_THRESHOLD=-1")
                .run()
                .assertExitedCleanly()
                .assertOut("called 300");
    }

    private static ForkedJvm heapFull(Bridge bridge) {
        return bridge.jvm(HeapFull.class).jvmOptions("-Xmx16m", "-XX:+UseSerialGC");
    }

    static final class HeapFull {

        private static int called;

        public static void main(String[] args) {
            MemorySegment pointer = Bridge.of(args).pointer(OnEvent.class, (thread, sequence, id) -> call());
            Calls.n(pointer, 300, 0);
            System.out.println("called " + called);
        }

        private static void call() {
            called++;
            if (called == 100) {
                try {
                    FullHeap.fill();
                } catch (OutOfMemoryError full) {
                    // until the 200th
                }
            } else if (called == 200) {
                FullHeap.makeRoom();
            }
        }
    }

    /** Without the library the JDK makes the segment of the argument, outside of every catch; with it, the library does. */
    @Test
    void aFullHeapAtACallWithAPointer() {
        endsAtAFullHeap(Bridge.BARE, "pointer");
        heapFullAtCalls(Bridge.OURS, "pointer").run().assertExitedCleanly().assertOut("C returned");
    }

    /** The JDK makes the segment of the struct, outside of every catch, with or without the library. */
    @ParameterizedTest
    @EnumSource
    void aFullHeapAtACallWithAStructByValue(Bridge bridge) {
        endsAtAFullHeap(bridge, "struct");
        endsAtAFullHeap(bridge, "struct result");
    }

    private static void endsAtAFullHeap(Bridge bridge, String what) {
        ForkedJvmResult result = heapFullAtCalls(bridge, what).run();
        assertThat(result.isClean()).as("ended in good order: %s", result).isFalse();
        assertThat(result.out()).contains("heap is full").doesNotContain("C returned");
    }

    private static ForkedJvm heapFullAtCalls(Bridge bridge, String what) {
        return bridge.jvm(HeapFullAtCalls.class, what).jvmOptions("-Xmx16m");
    }

    static final class HeapFullAtCalls {

        private static final MemorySegment PAIR = Arena.global().allocate(Structs.PAIR);
        private static final AtomicInteger CALLED = new AtomicInteger();

        public static void main(String[] args) throws InterruptedException {
            try (Source source = Source.events(pointer(Bridge.of(args), args[1]), 1)) {
                source.start(1, -1, 3_000_000); // far from 128 calls
                Until.that("called", () -> CALLED.get() > 3);
                System.out.println("heap is full");
                try {
                    FullHeap.fill();
                } catch (OutOfMemoryError full) {
                    FullHeap.makeRoomAMomentLater();
                }
            }
            System.out.println("C returned");
        }

        private static MemorySegment pointer(Bridge bridge, String what) {
            return switch (what) {
                case "pointer" ->
                    bridge.pointer(OnEventPointer.class, (thread, sequence, id) -> CALLED.incrementAndGet());
                case "struct" ->
                    bridge.pointer(
                            OnEventPair.class, (thread, pair) -> CALLED.incrementAndGet(), Structs.ON_EVENT_PAIR);
                default -> bridge.pointer(GivePair.class, HeapFullAtCalls::give, Structs.GIVE_PAIR);
            };
        }

        private static MemorySegment give(int thread, long sequence, long id) {
            CALLED.incrementAndGet();
            return PAIR;
        }
    }

    /** The JDK lets the pointer be made, and has no memory for such a struct when C calls. */
    @Test
    void aStructOfNoBytesAsAParameter() {
        Bridge.BARE
                .run(OfNoBytes.class)
                .assertExitedWith(1)
                .assertOut("C calls")
                .assertErr("Unrecoverable uncaught");
        Bridge.OURS
                .run(OfNoBytes.class)
                .assertExitedCleanly()
                .assertOut("refused, it is a struct or union of no bytes");
    }

    static final class OfNoBytes {
        public static void main(String[] args) {
            try {
                MemorySegment pointer = Bridge.of(args)
                        .pointer(OnPointer.class, value -> {}, FunctionDescriptor.ofVoid(MemoryLayout.structLayout()));
                System.out.println("C calls");
                Memory.pointer(pointer, MemorySegment.NULL, false);
            } catch (IllegalArgumentException e) {
                System.out.println(
                        "refused, it " + e.getMessage().replaceAll(".* (is a [\\w ]+ of no bytes),.*", "$1"));
            }
        }
    }

    /** The JVM makes the Java thread of a native one outside of every catch. */
    @ParameterizedTest
    @EnumSource
    void aFullHeapAtTheFirstCallOfANativeThread(Bridge bridge) {
        ForkedJvmResult result = bridge.jvm(HeapFullAtNewThreads.class)
                .jvmOptions("-Xmx16m")
                .run()
                .assertCrashed();
        assertThat(result.crashLog()).contains("Could not attach thread for upcall");
    }

    static final class HeapFullAtNewThreads {

        private static final AtomicInteger CALLED = new AtomicInteger();

        public static void main(String[] args) throws InterruptedException {
            MemorySegment pointer =
                    Bridge.of(args).pointer(OnEvent.class, (thread, sequence, id) -> CALLED.incrementAndGet());
            Thread calls = new Thread(() -> Calls.fromShortLivedThreads(pointer, 50_000, 1, 1));
            calls.start();
            BooleanSupplier notAll = calls::isAlive;
            Until.that("called", () -> CALLED.get() > 200); // beyond the 128th
            try {
                FullHeap.fill();
            } catch (OutOfMemoryError full) {
                FullHeap.keepFullWhile(notAll);
            }
            System.out.println("C returned");
        }
    }

    /** A C function that may fail, as an interface that says so. */
    interface MayThrow {
        int ask(int value) throws IOException;
    }

    static int mayThrow(int value) throws IOException {
        throw new IOException("on purpose");
    }

    @Test
    @SuppressWarnings("restricted")
    void aMethodThatDeclaresAnException() throws ReflectiveOperationException {
        MethodHandle declares = MethodHandles.lookup()
                .findStatic(ExceptionHazardsIT.class, "mayThrow", MethodType.methodType(int.class, int.class));
        FunctionDescriptor descriptor = FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT);
        assertThatThrownBy(() -> Linker.nativeLinker().upcallStub(declares, descriptor, Arena.ofAuto()))
                .isInstanceOf(IllegalArgumentException.class);

        List<Throwable> errors = new CopyOnWriteArrayList<>();
        CallbackOptions options = CallbackOptions.named("declares").onError(errors::add);
        CallbackType<MayThrow> type = CallbackType.of(MayThrow.class).lookup(MethodHandles.lookup());
        try (NativeCallback<MayThrow> callback =
                NativeCallback.direct(options, type, ExceptionHazardsIT::mayThrow, value -> -1)) {
            assertThat(CFunction.at(callback.pointer(), EchoInt.class).echo(1)).isEqualTo(-1);
        }
        assertThat(errors).singleElement().isInstanceOf(IOException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"StackOverflowError", "onNextDroppedFail"})
    void aFatalErrorBelowSinkNext(String how) {
        Bridge.BARE.run(Emits.class, how).assertExitedWith(1).assertErr("Unrecoverable uncaught exception encountered");
        Bridge.OURS.run(Emits.class, how).assertExitedCleanly().assertOut("C returned");
    }

    static final class Emits {
        public static void main(String[] args) {
            boolean dropped = args[1].equals("onNextDroppedFail");
            if (dropped) {
                Hooks.onNextDroppedFail();
            }
            Flux<Long> flux = Bridge.of(args) == Bridge.BARE
                    ? Flux.create(sink -> {
                        MemorySegment pointer =
                                BareStub.of(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                        if (dropped) {
                            sink.complete();
                        }
                        Calls.fromThreads(pointer, 1, 1, 0);
                    })
                    : NativeFlux.create(sink -> {
                        MemorySegment pointer =
                                sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                        if (dropped) {
                            sink.complete();
                        }
                        Calls.fromThreads(pointer, 1, 1, 0);
                        System.out.println("C returned");
                    });
            flux.subscribe(
                    value -> {
                        throw new StackOverflowError("on purpose");
                    },
                    error -> {});
        }
    }

    /**
     * The handler itself is one big try: it does not help. What ours answers to each of these, and to a struct that is too short
     * (for which the JDK may read what lies behind it), is in {@link reactor.ffi.forked.BadResultIT}.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "pointer null",
                "pointer on the heap",
                "struct null",
                "struct closed",
                "struct confined elsewhere"
            })
    void aResultThatCCannotTake(String result) {
        ForkedJvmResult bare = Bridge.BARE.run(Returns.class, result).assertExitedWith(1);
        assertThat(bare.err()).contains("Unrecoverable uncaught exception encountered");
        assertThat(bare.out()).contains("handler returns").doesNotContain("the handler catches", "C returned");

        Bridge.OURS.run(Returns.class, result).assertExitedCleanly().assertOut("handler returns", "C returned");
    }

    static final class Returns {
        public static void main(String[] args) throws Exception {
            boolean pointer = args[1].startsWith("pointer");
            Supplier<MemorySegment> result = result(args[1]);
            EchoSegment handler = value -> {
                try {
                    System.out.println("handler returns");
                    return result.get();
                } catch (Throwable _) {
                    System.out.println("the handler catches");
                    return value;
                }
            };
            Bridge bridge = Bridge.of(args);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment argument = arena.allocate(Structs.LARGE);
                if (pointer) {
                    Values.askPointer(bridge.pointer(EchoSegment.class, handler), argument, false);
                } else {
                    MemorySegment callback = bridge.pointer(EchoSegment.class, handler, Structs.ECHO_LARGE);
                    Values.askLarge(arena, callback, argument, false);
                }
                System.out.println("C returned");
            }
        }

        private static Supplier<MemorySegment> result(String kind) throws InterruptedException {
            MemorySegment[] made = new MemorySegment[1];
            long size = Structs.LARGE.byteSize();
            switch (kind.substring(kind.indexOf(' ') + 1)) {
                case "on the heap" -> made[0] = MemorySegment.ofArray(new long[8]);
                case "closed" -> {
                    try (Arena arena = Arena.ofConfined()) {
                        made[0] = arena.allocate(size);
                    }
                }
                case "confined elsewhere" -> {
                    Thread thread =
                            new Thread(() -> made[0] = Arena.ofConfined().allocate(size));
                    thread.start();
                    thread.join();
                }
                default -> {
                    return () -> null;
                }
            }
            return () -> made[0];
        }
    }

    @Test
    void nullReadAsAString() {
        Bridge.BARE.run(ReadsNull.class, "reinterpreted").assertCrashed().assertOut("reads");
        Bridge.BARE.run(ReadsNull.class, "").assertExitedCleanly().assertOut("IndexOutOfBoundsException");
        Bridge.OURS.run(ReadsNull.class, "").assertExitedCleanly().assertOut("IndexOutOfBoundsException");
    }

    static final class ReadsNull {
        @SuppressWarnings("restricted")
        public static void main(String[] args) {
            boolean reinterpreted = args[1].equals("reinterpreted");
            MemorySegment pointer = Bridge.of(args).pointer(OnText.class, (text, length) -> {
                System.out.println("reads");
                try {
                    System.out.println((reinterpreted ? text.reinterpret(Long.MAX_VALUE) : text).getString(0));
                } catch (IndexOutOfBoundsException _) {
                    System.out.println("IndexOutOfBoundsException");
                }
            });
            Memory.text(pointer, MemorySegment.NULL, false);
        }
    }

    /** Nothing of ours runs yet: the JDK's own entry into Java has no stack left. */
    @Test
    void javaThatRecursesToTheEndOfItsStackAndThereCallsC() {
        for (Bridge bridge : Bridge.values()) {
            ForkedJvmResult result = bridge.run(EndOfStack.class);
            assertThat(result.isClean()).as("ended in good order: %s", result).isFalse();
            assertThat(result.out()).contains("recurses").doesNotContain("back in Java");
        }
    }

    static final class EndOfStack {
        public static void main(String[] args) {
            MemorySegment pointer = Bridge.of(args).pointer(OnEvent.class, (thread, sequence, id) -> {});
            System.out.println("recurses");
            try {
                recurse(pointer);
            } catch (StackOverflowError _) {
                System.out.println("back in Java");
            }
        }

        @SuppressWarnings("InfiniteRecursion")
        private static void recurse(MemorySegment pointer) {
            Calls.n(pointer, 1, 0);
            recurse(pointer);
        }
    }

    @Test
    void invokeExactOfAFunctionWithoutResultAsAnExpression() throws Throwable {
        MethodHandle handle = MethodHandles.empty(MethodType.methodType(void.class));
        NativeAction withoutBraces = () -> handle.invokeExact();
        assertThatThrownBy(withoutBraces::run).isInstanceOf(WrongMethodTypeException.class);

        NativeAction withBraces = () -> {
            handle.invokeExact();
        };
        assertThatCode(withBraces::run).doesNotThrowAnyException();
    }
}
