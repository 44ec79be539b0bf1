package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
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
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnMixed;
import reactor.ffi.fixture.Callbacks.OnStructs;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.FullHeap;
import reactor.ffi.fixture.Shape;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.Values;
import reactor.ffi.internal.metrics.SourceCounters;

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
    class WhatIsThrown {

        @ParameterizedTest
        @EnumSource(Failure.class)
        void becomesTheZeroOfEachResult(Failure failure) {
            Runnable fail = failure::run;
            assertThat(Values.askByte(
                            callee.pointer(EchoByte.class, value -> {
                                fail.run();
                                return 9;
                            }),
                            (byte) 1,
                            true))
                    .isZero();
            assertThat(Values.askShort(
                            callee.pointer(EchoShort.class, value -> {
                                fail.run();
                                return 9;
                            }),
                            (short) 1,
                            true))
                    .isZero();
            assertThat(Values.askChar(
                            callee.pointer(EchoChar.class, value -> {
                                fail.run();
                                return 9;
                            }),
                            'a',
                            true))
                    .isEqualTo('\0');
            assertThat(Values.askInt(
                            callee.pointer(EchoInt.class, value -> {
                                fail.run();
                                return 9;
                            }),
                            1,
                            true))
                    .isZero();
            assertThat(Values.askLong(
                            callee.pointer(EchoLong.class, value -> {
                                fail.run();
                                return 9;
                            }),
                            1,
                            true))
                    .isZero();
            assertThat(Values.askFloat(
                            callee.pointer(EchoFloat.class, value -> {
                                fail.run();
                                return 9;
                            }),
                            1,
                            true))
                    .isZero();
            assertThat(Values.askDouble(
                            callee.pointer(EchoDouble.class, value -> {
                                fail.run();
                                return 9;
                            }),
                            1,
                            true))
                    .isZero();
            assertThat(Values.askBoolean(
                            callee.pointer(EchoBoolean.class, value -> {
                                fail.run();
                                return true;
                            }),
                            true,
                            true))
                    .isFalse();
            assertThat(Values.askPointer(
                                    callee.pointer(EchoSegment.class, value -> {
                                        fail.run();
                                        return value;
                                    }),
                                    MemorySegment.ofAddress(7),
                                    true)
                            .address())
                    .isZero();
            EchoSegment struct = value -> {
                fail.run();
                return value;
            };
            assertThat(ask(Structs.SMALL, callee.pointer(echo(Structs.ECHO_SMALL), struct), true))
                    .containsOnly(0);
            assertThat(ask(Structs.LARGE, callee.pointer(echo(Structs.ECHO_LARGE), struct), true))
                    .containsOnly(0);
            Calls.n(
                    callee.pointer(OnEvent.class, (thread, sequence, id) -> {
                        fail.run();
                    }),
                    1,
                    1);

            assertThat(callee.counters.failedCalls()).isEqualTo(12);
            assertThat(callee.thrown).hasSize(12).allMatch(failure.type::isInstance);
        }

        @ParameterizedTest
        @EnumSource(Failure.class)
        void letsTheFallbackAnswerWithTheSameArguments(Failure failure) {
            MemorySegment pointer = callee.open(
                            EchoInt.class,
                            value -> {
                                failure.run();
                                return 0;
                            },
                            value -> -value)
                    .pointer();
            assertThat(Values.askInt(pointer, 5, false)).isEqualTo(-5);
            assertThat(Values.askInt(pointer, 6, true)).isEqualTo(-6);
            assertThat(callee.counters.failedCalls()).isEqualTo(2);
            assertThat(callee.thrown).hasSize(2);
        }

        @ParameterizedTest
        @EnumSource(Failure.class)
        void isZeroWhenTheFallbackFailsTooAndCountsOnce(Failure failure) {
            EchoInt fails = value -> {
                failure.run();
                return 1;
            };
            MemorySegment pointer = callee.open(EchoInt.class, fails, fails).pointer();
            assertThat(Values.askInt(pointer, 5, false)).isZero();
            assertThat(Values.askInt(pointer, 5, true)).isZero();
            assertThat(callee.counters.failedCalls()).isEqualTo(2);
            assertThat(callee.thrown).hasSize(2);
        }

        @Test
        void doesNotHarmTheNextCall() {
            MemorySegment pointer = callee.pointer(EchoInt.class, value -> {
                if (value < 0) {
                    throw new IllegalStateException("negative");
                }
                return value;
            });
            for (int i = 1; i <= 1000; i++) {
                assertThat(Values.askInt(pointer, -i, false)).isZero();
                assertThat(Values.askInt(pointer, i, false)).isEqualTo(i);
            }
            assertThat(callee.counters.failedCalls()).isEqualTo(1000);
        }

        @Test
        void ofAFallbackIsToldAndBecomesAZero() {
            RuntimeException handlers = new IllegalStateException("the handler's");
            Error fallbacks = new LinkageError("the fallback's");
            Upcall upcall = callee.open(
                    EchoInt.class,
                    value -> {
                        throw handlers;
                    },
                    value -> {
                        throw fallbacks;
                    });
            assertThat(Values.askInt(upcall.pointer(), 5, true)).isZero();
            assertThat(callee.thrown).containsExactly(handlers);
            assertThat(callee.thrownByFallbacks).containsExactly(fallbacks);
            upcall.retire();
            assertThat(Values.askInt(upcall.pointer(), 5, true)).isZero();
            assertThat(callee.thrown).containsExactly(handlers);
            assertThat(callee.thrownByFallbacks).containsExactly(fallbacks, fallbacks);
            assertThat(callee.counters.failedCalls()).isEqualTo(1);
            assertThat(callee.counters.lateCalls()).isEqualTo(1);
        }

        @Test
        void isContainedEvenIfTheCalleeThrowsItself() {
            SourceCounters counters = new SourceCounters("test");
            Callee throwing = new Callee() {
                @Override
                public void handlerFailed(Throwable thrown) {
                    throw new AssertionError("nor can this one", thrown);
                }

                @Override
                public Consumer<? super Throwable> fallbackErrors() {
                    return thrown -> {};
                }

                @Override
                public SourceCounters counters() {
                    return counters;
                }
            };
            Upcall upcall = Signature.of(EchoInt.class)
                    .open(
                            value -> {
                                throw new IllegalStateException("cannot");
                            },
                            value -> 3,
                            throwing,
                            callee.source,
                            callee);
            assertThat(Values.askInt(upcall.pointer(), 5, true)).isEqualTo(3);
            assertThat(counters.failedCalls()).isEqualTo(1);
        }

        @Test
        void isContainedAndCountedWithoutAnyHeapLeft() {
            ForkedJvm.of(NoHeapLeft.class)
                    .arguments("NUMBERS")
                    .jvmOptions("-Xmx16m")
                    .run()
                    .assertExitedCleanly()
                    .assertOut("failed 250, answered by the fallback 250");
        }

        /** Not with a struct: {@code ExceptionHazardsIT.aFullHeapAtACallWithAStructByValue}. */
        @Test
        void isContainedAndCountedIfThereIsNoHeapForThePointersOfTheCall() {
            ForkedJvm.of(NoHeapLeft.class)
                    .arguments("POINTERS")
                    .jvmOptions("-Xmx16m", "-XX:+UseSerialGC")
                    .run()
                    .assertExitedCleanly()
                    .assertOut("failed 250");
        }

        @Test
        void needsNoMemoryTheFirstTime() {
            ForkedJvm.of(FirstFailure.class).run().assertExitedCleanly().assertOut("allocated 0 0 0");
        }

        @Test
        void mayBeAnythingThatJavaCanThrowUndeclared() {
            MemorySegment pointer =
                    callee.pointer(OnEvent.class, (thread, sequence, id) -> sneak(new Exception("checked")));
            Calls.n(pointer, 1, 1);
            assertThat(callee.thrown)
                    .singleElement()
                    .satisfies(e -> assertThat(e).hasMessage("checked"));
        }

        @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
        private static <E extends Throwable> void sneak(Throwable e) throws E {
            throw (E) e;
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

    @Test
    void aCallThatCannotBeEnteredIsReported() throws Throwable {
        // By hand: the entry fails where the heap, or the stack, is at its end.
        Upcall upcall = callee.open(EchoInt.class, value -> value);
        IllegalStateException noHeap = new IllegalStateException("as if there were no heap");
        Boundary.NOT_ENTERED.invokeExact((Throwable) noHeap, upcall.slot);
        assertThat(callee.counters.failedCalls()).isEqualTo(1);
        assertThat(callee.thrown).containsExactly(noHeap);
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

    private static byte[] pattern(StructLayout struct) {
        byte[] bytes = new byte[(int) struct.byteSize()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i + 1);
        }
        return bytes;
    }

    /** What C gets when it asks with the pattern. */
    private static byte[] ask(StructLayout struct, MemorySegment pointer, boolean onThread) {
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

    /** A full heap may have room for the few bytes that a first failure must not need: so they are counted. */
    static final class FirstFailure implements Callee {

        @SuppressWarnings("StaticAssignmentOfThrowable") // what is thrown must not be counted
        private static final Error FAILURE = new OutOfMemoryError("of the handler");

        private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

        private static boolean handlerFails;
        private static boolean fallbackFails;

        private final SourceCounters counters = new SourceCounters("test");

        @Override
        public void handlerFailed(Throwable thrown) {}

        @Override
        public Consumer<? super Throwable> fallbackErrors() {
            return thrown -> {};
        }

        @Override
        public SourceCounters counters() {
            return counters;
        }

        public static void main(String[] args) throws Throwable {
            FirstFailure callee = new FirstFailure();
            EchoInt handler = value -> failIf(handlerFails, value);
            EchoInt fallback = value -> failIf(fallbackFails, -value);
            Slot slot = Signature.of(EchoInt.class).open(handler, fallback, callee, 1, callee).slot;
            MethodHandle entry =
                    new Boundary(FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT)).entry(null);
            call(entry, slot, 5);
            handlerFails = true;
            long first = call(entry, slot, -5);
            fallbackFails = true;
            long second = call(entry, slot, 0);
            System.out.println("allocated " + first + " " + second + " " + notEntered(slot));
        }

        private static int failIf(boolean fails, int value) {
            if (fails) {
                throw FAILURE;
            }
            return value;
        }

        private static long call(MethodHandle entry, Slot slot, int expected) throws Throwable {
            long before = THREADS.getCurrentThreadAllocatedBytes();
            int answer = (int) entry.invokeExact(slot, 5);
            long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
            assertThat(answer).isEqualTo(expected);
            return allocated;
        }

        /** This call site is linked with another handle, which takes memory of its own. */
        private static long notEntered(Slot slot) throws Throwable {
            long allocated = 0;
            MethodHandle linked = MethodHandles.empty(Boundary.NOT_ENTERED.type());
            for (MethodHandle handle : new MethodHandle[] {linked, Boundary.NOT_ENTERED}) {
                long before = THREADS.getCurrentThreadAllocatedBytes();
                handle.invokeExact((Throwable) FAILURE, slot);
                allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
            }
            return allocated;
        }
    }

    /**
     * One call fills the heap to the last word; nobody lets go of it before C returns. The calls before are there because the JDK
     * itself allocates in the 128th call of each stub, outside of all that we can catch: it customises the method handle.
     */
    static final class NoHeapLeft implements Callee {

        @SuppressWarnings("StaticAssignmentOfThrowable") // there is no memory for another
        private static final OutOfMemoryError AGAIN = new OutOfMemoryError("again");

        private static final int BEFORE = 200;

        private static int calls;
        private static int fallbacks;
        private static volatile boolean returned;

        private final SourceCounters counters = new SourceCounters("test");

        @Override
        public void handlerFailed(Throwable thrown) {
            throw AGAIN; // as a subscriber that needs memory
        }

        @Override
        public Consumer<? super Throwable> fallbackErrors() {
            return thrown -> {};
        }

        @Override
        public SourceCounters counters() {
            return counters;
        }

        public static void main(String[] args) throws InterruptedException {
            NoHeapLeft callee = new NoHeapLeft();
            Upcall upcall = Shape.valueOf(args[0])
                    .event(callee::open, (thread, sequence, id) -> fail(), (thread, sequence, id) -> fallbacks++);
            Thread others = new Thread(NoHeapLeft::keepFull);
            others.start();
            Calls.n(upcall.pointer(), 250, 0);
            returned = true;
            others.join();
            FullHeap.makeRoom();
            System.out.println("failed " + callee.counters.failedCalls() + ", answered by the fallback " + fallbacks);
        }

        private static void keepFull() {
            try {
                FullHeap.keepFullWhile(() -> !returned);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        }

        private <F> Upcall open(CallbackType<F> type, F handler, F fallback) {
            return ((Signature<F>) type).open(handler, fallback, this, 1, this);
        }

        private static void fail() {
            if (++calls == BEFORE) {
                FullHeap.fill();
            }
            throw AGAIN;
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
