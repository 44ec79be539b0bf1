package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeFlux;
import reactor.ffi.fixture.Callbacks.EchoSegment;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.Values;

/** What a handler returns is checked where it can be caught; without that, each of these ends the JVM. */
class BadResultIT {

    @Test
    void noResultOfAHandlerEndsTheJvm() {
        ForkedJvmResult result = ForkedJvm.run(Returns.class).assertExitedCleanly();
        assertThat(result.out().lines())
                .containsExactly(
                        "pointer: null: NULL, complete",
                        "pointer: on the heap: NULL, IllegalStateException",
                        "pointer: closed: NULL, IllegalStateException",
                        "pointer: confined elsewhere: an address, complete",
                        "pointer: thrown: NULL, ArithmeticException",
                        "struct: null: zero, IllegalStateException",
                        "struct: on the heap: not zero, complete",
                        "struct: closed: zero, IllegalStateException",
                        "struct: confined elsewhere: zero, WrongThreadException",
                        "struct: short: zero, IllegalStateException",
                        "struct: thrown: zero, ArithmeticException",
                        "pointer fallback: on the heap: NULL, ArithmeticException",
                        "struct fallback: null: zero, ArithmeticException");
    }

    static final class Returns {

        private static final CallbackType<EchoSegment> POINTER = CallbackType.of(EchoSegment.class);
        private static final CallbackType<EchoSegment> STRUCT = POINTER.descriptor(Structs.ECHO_LARGE);
        private static final long SIZE = Structs.LARGE.byteSize();

        public static void main(String[] args) throws Exception {
            MemorySegment elsewhere = confinedElsewhere();
            MemorySegment closed = closed();
            MemorySegment heap = MemorySegment.ofArray(new long[] {1, 2, 3, 4, 5, 6, 7, 8});
            Supplier<MemorySegment> thrown = () -> {
                throw new ArithmeticException();
            };
            pointer("pointer: null", () -> null);
            pointer("pointer: on the heap", () -> heap);
            pointer("pointer: closed", () -> closed);
            pointer("pointer: confined elsewhere", () -> elsewhere);
            pointer("pointer: thrown", thrown);
            struct("struct: null", () -> null);
            struct("struct: on the heap", () -> heap);
            struct("struct: closed", () -> closed);
            struct("struct: confined elsewhere", () -> elsewhere);
            struct("struct: short", () -> Arena.ofAuto().allocate(SIZE - 1));
            struct("struct: thrown", thrown);
            ask("pointer fallback: on the heap", POINTER, thrown, () -> heap);
            ask("struct fallback: null", STRUCT, thrown, () -> null);
        }

        private static void pointer(String name, Supplier<MemorySegment> result) {
            ask(name, POINTER, result, () -> MemorySegment.NULL);
        }

        private static void struct(String name, Supplier<MemorySegment> result) {
            ask(name, STRUCT, result, () -> MemorySegment.ofArray(new byte[(int) SIZE]));
        }

        /** On this thread, and on a native one: the answer has to be the same. */
        private static void ask(
                String name,
                CallbackType<EchoSegment> type,
                Supplier<MemorySegment> result,
                Supplier<MemorySegment> fallback) {
            String[] end = new String[1];
            String[] answers = new String[2];
            NativeFlux.create(CallbackOptions.named("results"), sink -> {
                        MemorySegment pointer = sink.callback(type, value -> result.get(), value -> fallback.get());
                        answers[0] = answer(type, pointer, false);
                        answers[1] = answer(type, pointer, true);
                        sink.complete();
                    })
                    .doOnError(error -> end[0] = error.getClass().getSimpleName())
                    .doOnComplete(() -> end[0] = "complete")
                    .onErrorComplete()
                    .blockLast();
            System.out.println(name + ": " + (answers[0].equals(answers[1]) ? "" : answers[0] + " and ") + answers[1]
                    + ", " + end[0]);
        }

        private static String answer(CallbackType<EchoSegment> type, MemorySegment pointer, boolean onThread) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment argument = arena.allocate(SIZE);
                if (type == POINTER) {
                    return Values.askPointer(pointer, argument, onThread).address() == 0 ? "NULL" : "an address";
                }
                MemorySegment struct = Values.askLarge(arena, pointer, argument, onThread);
                boolean zero = true;
                for (long i = 0; i < SIZE; i++) {
                    zero &= struct.get(ValueLayout.JAVA_BYTE, i) == 0;
                }
                return zero ? "zero" : "not zero";
            }
        }

        private static MemorySegment closed() {
            try (Arena arena = Arena.ofShared()) {
                return arena.allocate(SIZE);
            }
        }

        private static MemorySegment confinedElsewhere() throws InterruptedException {
            MemorySegment[] made = new MemorySegment[1];
            Thread thread = new Thread(() -> made[0] = Arena.ofConfined().allocate(SIZE));
            thread.start();
            thread.join();
            return made[0];
        }
    }
}
