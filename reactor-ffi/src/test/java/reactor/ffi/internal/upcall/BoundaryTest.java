package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.ffi.CallbackType;
import reactor.ffi.fixture.Callbacks.EchoBoolean;
import reactor.ffi.fixture.Callbacks.EchoByte;
import reactor.ffi.fixture.Callbacks.EchoChar;
import reactor.ffi.fixture.Callbacks.EchoDouble;
import reactor.ffi.fixture.Callbacks.EchoFloat;
import reactor.ffi.fixture.Callbacks.EchoInt;
import reactor.ffi.fixture.Callbacks.EchoLong;
import reactor.ffi.fixture.Callbacks.EchoSegment;
import reactor.ffi.fixture.Callbacks.EchoShort;
import reactor.ffi.fixture.Callbacks.OnMixed;
import reactor.ffi.fixture.Callbacks.OnStructs;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.Values;

/** Native code never sees an exception, nor a bad result. */
class BoundaryTest {

    private final TestCallee callee = new TestCallee();

    @AfterEach
    void cSawNothingWrong() {
        assertThat(Fixture.errorCount()).isZero();
    }

    private static CallbackType<EchoSegment> echo(FunctionDescriptor descriptor) {
        return CallbackType.of(EchoSegment.class).descriptor(descriptor);
    }

    @Nested
    class WhatCrosses {

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void everyTypeArrivesAndReturnsBitByBit(boolean onThread) {
            assertThat(Values.checkByte(callee.pointer(EchoByte.class, value -> value), onThread))
                    .isZero();
            assertThat(Values.checkShort(callee.pointer(EchoShort.class, value -> value), onThread))
                    .isZero();
            assertThat(Values.checkChar(callee.pointer(EchoChar.class, value -> value), onThread))
                    .isZero();
            assertThat(Values.checkInt(callee.pointer(EchoInt.class, value -> value), onThread))
                    .isZero();
            assertThat(Values.checkLong(callee.pointer(EchoLong.class, value -> value), onThread))
                    .isZero();
            assertThat(Values.checkFloat(callee.pointer(EchoFloat.class, value -> value), onThread))
                    .isZero();
            assertThat(Values.checkDouble(callee.pointer(EchoDouble.class, value -> value), onThread))
                    .isZero();
            assertThat(Values.checkBoolean(callee.pointer(EchoBoolean.class, value -> value), onThread))
                    .isZero();
            assertThat(Values.checkPointer(callee.pointer(EchoSegment.class, value -> value), onThread))
                    .isZero();
            assertThat(Values.checkMixed(callee.pointer(OnMixed.class, Values::weigh), onThread))
                    .isZero();
            assertThat(callee.thrown).isEmpty();
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void structsByValueGoInAndOut(boolean onThread) {
            assertThat(Values.checkSmall(callee.pointer(echo(Structs.ECHO_SMALL), value -> value), onThread))
                    .isZero();
            assertThat(Values.checkLarge(callee.pointer(echo(Structs.ECHO_LARGE), value -> value), onThread))
                    .isZero();
            assertThat(Values.checkLine(callee.pointer(echo(Structs.ECHO_LINE), value -> value), onThread))
                    .isZero();
            assertThat(Values.checkShape(callee.pointer(echo(Structs.ECHO_SHAPE), value -> value), onThread))
                    .isZero();
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void aStructMayComeFromTheHeapAndFromLargerMemory(boolean onThread) {
            for (FunctionDescriptor descriptor :
                    List.of(Structs.ECHO_SMALL, Structs.ECHO_LARGE, Structs.ECHO_LINE, Structs.ECHO_SHAPE)) {
                StructLayout struct = (StructLayout) descriptor.returnLayout().orElseThrow();
                EchoSegment larger =
                        value -> MemorySegment.ofArray(new byte[100]).copyFrom(value);
                assertThat(ask(struct, callee.pointer(echo(descriptor), larger), onThread))
                        .isEqualTo(pattern(struct));
            }
            assertThat(callee.thrown).isEmpty();
        }

        @Test
        void aStructMayComeFromAnArenaThatTheHandlerCloses() {
            MemorySegment pointer = callee.pointer(echo(Structs.ECHO_LARGE), value -> {
                Arena arena = Arena.ofAuto();
                return arena.allocate(Structs.LARGE).copyFrom(value);
            });
            assertThat(Values.checkLarge(pointer, true)).isZero();
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void severalStructsAndAnIntArriveAtOnce(boolean onThread) {
            List<Object> seen = new ArrayList<>();
            CallbackType<OnStructs> type = CallbackType.of(OnStructs.class).descriptor(Structs.ON_STRUCTS);
            Values.structs(
                    callee.pointer(type, (small, large, number) -> {
                        seen.add(small.byteSize());
                        seen.add(small.get(ValueLayout.JAVA_DOUBLE, 8));
                        seen.add(large.byteSize());
                        seen.add(large.get(ValueLayout.JAVA_LONG, 0));
                        seen.add(large.getString(Structs.offset(Structs.LARGE, "name")));
                        seen.add(number);
                    }),
                    onThread);
            assertThat(seen).containsExactly(16L, 2.25, 64L, 11L, "two", 99);
        }
    }

    @Nested
    class WhatIsReturned {

        @ParameterizedTest
        @EnumSource(BadPointer.class)
        void isCheckedIfItIsAPointer(BadPointer bad) throws Exception {
            MemorySegment result = bad.make();
            MemorySegment zero = callee.pointer(EchoSegment.class, value -> result);
            assertThat(Values.askPointer(zero, MemorySegment.ofAddress(9), true).address())
                    .isEqualTo(bad.becomes(result));
            MemorySegment rescued = callee.open(
                            EchoSegment.class, value -> result, value -> MemorySegment.ofAddress(77))
                    .pointer();
            assertThat(Values.askPointer(rescued, MemorySegment.ofAddress(9), true)
                            .address())
                    .isEqualTo(bad.says == null ? bad.becomes(result) : 77);

            if (bad.says == null) {
                assertThat(callee.thrown).isEmpty();
            } else {
                assertThat(callee.thrown)
                        .hasSize(2)
                        .allSatisfy(e -> assertThat(e)
                                .hasMessageContaining("EchoSegment.echo")
                                .hasMessageContaining(bad.says)
                                .hasMessageContaining("arena that outlives the call"));
            }
        }

        @ParameterizedTest
        @EnumSource(BadStruct.class)
        void isCheckedIfItIsAStruct(BadStruct bad) throws Exception {
            for (FunctionDescriptor descriptor : List.of(Structs.ECHO_SMALL, Structs.ECHO_SHAPE)) {
                callee.thrown.clear();
                StructLayout struct = (StructLayout) descriptor.returnLayout().orElseThrow();
                MemorySegment result = bad.make(struct);
                MemorySegment zero = callee.pointer(echo(descriptor), value -> result);
                assertThat(ask(struct, zero, true)).containsOnly(0);
                MemorySegment rescued = callee.open(echo(descriptor), value -> result, value -> value)
                        .pointer();
                assertThat(ask(struct, rescued, true)).isEqualTo(pattern(struct));
                assertThat(callee.thrown)
                        .hasSize(2)
                        .allSatisfy(e -> assertThat(e).isInstanceOf(bad.type));
                if (bad.says != null) {
                    assertThat(callee.thrown)
                            .allSatisfy(e -> assertThat(e)
                                    .hasMessageContaining("EchoSegment.echo")
                                    .hasMessageContaining(bad.says)
                                    .hasMessageContaining(struct.byteSize() + " bytes"));
                }
            }
        }

        @Test
        void doesNotEndTheJvmWhateverItIs() {
            ForkedJvm.run(AllBadResults.class).assertExitedCleanly().assertOut("ok");
        }
    }

    /** All that a handler can throw. */
    enum Failure {
        RUNTIME_EXCEPTION(RuntimeException.class) {
            @Override
            void run() {
                throw new IllegalStateException("on purpose");
            }
        },
        ERROR(Error.class) {
            @Override
            void run() {
                throw new AssertionError("on purpose");
            }
        },
        STACK_OVERFLOW(StackOverflowError.class) {
            @Override
            @SuppressWarnings("InfiniteRecursion")
            void run() {
                run();
            }
        },
        OUT_OF_MEMORY(OutOfMemoryError.class) {
            @Override
            void run() {
                long[] tooLarge = new long[Integer.MAX_VALUE];
                throw new AssertionError("there was room for " + tooLarge.length);
            }
        };

        final Class<? extends Throwable> type;

        Failure(Class<? extends Throwable> type) {
            this.type = type;
        }

        abstract void run();
    }

    /** Results for which the JDK ends the process, behind every catch. */
    enum BadPointer {
        NULL(null),
        HEAP("heap segment"),
        CLOSED("already freed"),
        OF_ANOTHER_THREAD(null);

        final String says;

        BadPointer(String says) {
            this.says = says;
        }

        MemorySegment make() {
            return switch (this) {
                case NULL -> null;
                case HEAP -> MemorySegment.ofArray(new byte[8]);
                case CLOSED -> closed();
                case OF_ANOTHER_THREAD -> ofAnotherThread(8);
            };
        }

        /** An address is an address: only what has none, or leads nowhere, is refused. */
        long becomes(MemorySegment result) {
            return this == OF_ANOTHER_THREAD ? result.address() : 0;
        }
    }

    enum BadStruct {
        NULL("returned null", IllegalStateException.class) {
            @Override
            MemorySegment make(StructLayout struct) {
                return null;
            }
        },
        SHORT("returned 15 bytes", IllegalStateException.class) {
            @Override
            MemorySegment make(StructLayout struct) {
                return Arena.ofAuto().allocate(15);
            }
        },
        EMPTY("returned 0 bytes", IllegalStateException.class) {
            @Override
            MemorySegment make(StructLayout struct) {
                return MemorySegment.NULL;
            }
        },
        CLOSED(null, IllegalStateException.class) {
            @Override
            MemorySegment make(StructLayout struct) {
                return closed();
            }
        },
        OF_ANOTHER_THREAD(null, WrongThreadException.class) {
            @Override
            MemorySegment make(StructLayout struct) {
                return ofAnotherThread(struct.byteSize());
            }
        };

        final String says;
        final Class<? extends Throwable> type;

        BadStruct(String says, Class<? extends Throwable> type) {
            this.says = says;
            this.type = type;
        }

        abstract MemorySegment make(StructLayout struct);
    }

    private static MemorySegment closed() {
        try (Arena arena = Arena.ofShared()) {
            return arena.allocate(64);
        }
    }

    /** Confined to a thread that lives on. */
    private static MemorySegment ofAnotherThread(long size) {
        Map<String, MemorySegment> made = new LinkedHashMap<>();
        CountDownLatch done = new CountDownLatch(1);
        Thread owner = new Thread(() -> {
            made.put("it", Arena.ofConfined().allocate(size));
            done.countDown();
        });
        owner.start();
        try {
            done.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        return made.get("it");
    }

    static byte[] pattern(StructLayout struct) {
        byte[] bytes = new byte[(int) struct.byteSize()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i + 1);
        }
        return bytes;
    }

    /** What C gets when it asks with the pattern. */
    static byte[] ask(StructLayout struct, MemorySegment pointer, boolean onThread) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(struct).copyFrom(MemorySegment.ofArray(pattern(struct)));
            MemorySegment answer = struct.equals(Structs.SMALL)
                    ? Values.askSmall(arena, pointer, value, onThread)
                    : struct.equals(Structs.LARGE)
                            ? Values.askLarge(arena, pointer, value, onThread)
                            : struct.equals(Structs.LINE)
                                    ? Values.askLine(arena, pointer, value, onThread)
                                    : Values.askShape(arena, pointer, value, onThread);
            return answer.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    static final class AllBadResults {
        public static void main(String[] args) throws Exception {
            TestCallee callee = new TestCallee();
            for (boolean onThread : new boolean[] {false, true}) {
                for (Failure failure : Failure.values()) {
                    Values.askInt(
                            callee.pointer(EchoInt.class, value -> {
                                failure.run();
                                return 1;
                            }),
                            1,
                            onThread);
                }
                for (BadPointer bad : BadPointer.values()) {
                    MemorySegment result = bad.make();
                    Values.askPointer(callee.pointer(EchoSegment.class, value -> result), MemorySegment.NULL, onThread);
                }
                for (BadStruct bad : BadStruct.values()) {
                    for (FunctionDescriptor descriptor : List.of(Structs.ECHO_SMALL, Structs.ECHO_LARGE)) {
                        StructLayout struct =
                                (StructLayout) descriptor.returnLayout().orElseThrow();
                        MemorySegment result = bad.make(struct);
                        ask(struct, callee.pointer(echo(descriptor), value -> result), onThread);
                    }
                }
            }
            System.out.println(callee.counters.failedCalls() == 2 * (4 + 2 + 5 * 2) ? "ok" : callee.thrown);
        }
    }
}
