package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.management.ManagementFactory;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
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
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.FullHeap;
import reactor.ffi.fixture.Shape;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.Values;
import reactor.ffi.internal.metrics.SourceCounters;

/** What a handler throws, and what comes from that to C and to the callee. */
class BoundaryThrowingTest {

    private final TestCallee callee = new TestCallee();

    @AfterEach
    void cSawNothingWrong() {
        assertThat(Fixture.errorCount()).isZero();
    }

    private static CallbackType<EchoSegment> echo(FunctionDescriptor descriptor) {
        return CallbackType.of(EchoSegment.class).descriptor(descriptor);
    }

    @Nested
    class WhatIsThrown {

        @ParameterizedTest
        @EnumSource(BoundaryTest.Failure.class)
        void becomesTheZeroOfEachResult(BoundaryTest.Failure failure) {
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
            assertThat(BoundaryTest.ask(Structs.SMALL, callee.pointer(echo(Structs.ECHO_SMALL), struct), true))
                    .containsOnly(0);
            assertThat(BoundaryTest.ask(Structs.LARGE, callee.pointer(echo(Structs.ECHO_LARGE), struct), true))
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
        @EnumSource(BoundaryTest.Failure.class)
        void letsTheFallbackAnswerWithTheSameArguments(BoundaryTest.Failure failure) {
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
        @EnumSource(BoundaryTest.Failure.class)
        void isZeroWhenTheFallbackFailsTooAndCountsOnce(BoundaryTest.Failure failure) {
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

    @Test
    void aCallThatCannotBeEnteredIsReported() throws Throwable {
        // By hand: the entry fails where the heap, or the stack, is at its end.
        Upcall upcall = callee.open(EchoInt.class, value -> value);
        IllegalStateException noHeap = new IllegalStateException("as if there were no heap");
        Boundary.NOT_ENTERED.invokeExact((Throwable) noHeap, upcall.slot);
        assertThat(callee.counters.failedCalls()).isEqualTo(1);
        assertThat(callee.thrown).containsExactly(noHeap);
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
}
