package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.ffi.CFunction;
import reactor.ffi.fixture.Callbacks.Again;
import reactor.ffi.fixture.Callbacks.EchoInt;
import reactor.ffi.fixture.Callbacks.Nest;
import reactor.ffi.fixture.Callbacks.Recurse;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Descent;
import reactor.ffi.fixture.ForkedJvm;

/** Upcalls nest as deep as the stack of the thread has room, and no deeper. */
class NestingTest {

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final int ENDLESS = 1_000_000;

    private final TestCallee callee = new TestCallee();

    /** C calls Java calls C, down to level 0. */
    private Upcall recursion(Recurse fallback) {
        MemorySegment[] self = new MemorySegment[1];
        Upcall upcall = callee.open(Recurse.class, level -> Calls.recurse(self[0], level - 1), fallback);
        self[0] = upcall.pointer();
        return upcall;
    }

    @Nested
    class TheStack {

        @ParameterizedTest
        @EnumSource
        void hasRoomForHundredsOfLevels(Descent descent) {
            MemorySegment[] self = new MemorySegment[1];
            Upcall upcall = descent.bind(callee::open, level -> descent.from(self[0], level - 1, false), level -> -1);
            self[0] = upcall.pointer();
            assertThat(descent.from(upcall.pointer(), 70, false)).isEqualTo(70);
            assertThat(descent.from(upcall.pointer(), 500, true)).isEqualTo(500);
            assertThat(callee.counters.refusedCalls()).isZero();
            assertThat(callee.thrown).isEmpty();
        }

        @Test
        void endsItAndEachRefusalIsReported() {
            Upcall upcall = recursion(level -> 1_000_000);
            for (int round = 1; round <= 20; round++) {
                assertThat(Calls.recurseOnThread(upcall.pointer(), ENDLESS)).isGreaterThan(1_000_500);
                assertThat(callee.counters.refusedCalls()).isEqualTo(round);
            }
            assertThat(callee.counters.failedCalls()).isZero();
            assertThat(callee.thrown)
                    .hasSize(20)
                    .hasOnlyElementsOfType(RejectedExecutionException.class)
                    .allSatisfy(e -> assertThat(e).hasMessageContaining("a call of test was one too deep"));
            assertThat(Calls.recurse(upcall.pointer(), 70)).isEqualTo(70);
        }

        @Test
        void isOfTheThreadWhateverPointersItGoesThrough() {
            MemorySegment[] other = new MemorySegment[1];
            Upcall upcall = callee.open(Recurse.class, level -> Calls.recurse(other[0], level - 1));
            TestCallee second = new TestCallee();
            other[0] = second.pointer(Recurse.class, level -> Calls.recurse(upcall.pointer(), level - 1));
            assertThat(Calls.recurseOnThread(upcall.pointer(), ENDLESS)).isGreaterThan(500);
            assertThat(callee.counters.refusedCalls() + second.counters.refusedCalls())
                    .isEqualTo(1);
        }

        @Test
        void countsWhereJavaReturnsToCThroughAPointerThatItWasGiven() {
            Again[] again = new Again[1];
            Upcall upcall = callee.open(Nest.class, (depth, pointer) -> {
                if (again[0] == null) {
                    again[0] = CFunction.at(pointer, Again.class);
                }
                return again[0].again(depth - 1);
            });
            assertThat(Calls.nested(upcall.pointer(), ENDLESS, true)).isGreaterThan(500);
            assertThat(callee.counters.refusedCalls()).isEqualTo(1);
        }

        @Test
        void isNotUsedUpByFallbacksThatCallCToo() {
            Upcall[] self = new Upcall[1];
            int[] answered = {0};
            self[0] = recursion(level -> {
                answered[0]++;
                return Calls.recurse(self[0].pointer(), level - 1);
            });
            assertThat(Calls.recurseOnThread(self[0].pointer(), ENDLESS)).isGreaterThan(500);
            // The call that is refused, and one from within its fallback, which is zero at once.
            assertThat(answered[0]).isEqualTo(1);
            assertThat(callee.counters.refusedCalls()).isEqualTo(2);
            assertThat(callee.thrown).hasSize(1);
        }

        @Test
        void isNotUsedUpByWhoIsToldOfARefusalAndCallsC() {
            MemorySegment[] self = new MemorySegment[1];
            int[] told = {0};
            TestCallee calls = new TestCallee() {
                @Override
                public void handlerFailed(Throwable failure) {
                    told[0]++;
                    Calls.recurse(self[0], 1);
                }
            };
            self[0] = calls.pointer(Recurse.class, level -> Calls.recurse(self[0], level - 1));
            assertThat(Calls.recurseOnThread(self[0], ENDLESS)).isGreaterThan(500);
            assertThat(told[0]).isEqualTo(1);
            assertThat(calls.counters.refusedCalls()).isEqualTo(2);
        }
    }

    @Nested
    class TheNumber {

        @Test
        void isASystemPropertyAndEndsItBeforeTheStackDoes() {
            for (int limit : new int[] {1, 3, 200}) {
                ForkedJvm.of(Recursion.class)
                        .jvmOptions("-Dreactor.ffi.nesting.limit=" + limit)
                        .run()
                        .assertExitedCleanly()
                        .assertOut("reached " + (limit + 1) + ", refused 2, told 2 of reactor.ffi.nesting.limit");
            }
            ForkedJvm.of(Recursion.class)
                    .jvmOptions("-Dreactor.ffi.nesting.limit=many")
                    .run()
                    .assertExitedWith(1)
                    .assertErr(
                            "system property reactor.ffi.nesting.limit is 'many'; it must be a number from 1 to 1000000");
        }

        @Test
        void endsItOnAHugeStack() {
            ForkedJvm.of(Recursion.class)
                    .jvmOptions("-Xss256m")
                    .arguments("here")
                    .run()
                    .assertExitedCleanly()
                    .assertOut("reached 16385, refused 1, told 1 of reactor.ffi.nesting.limit");
        }
    }

    @Nested
    class TheRecord {

        @Test
        void isWholeAgainAfterAHandlerRanUntilTheStackEnded() {
            Upcall upcall = recursion(level -> 0);
            int[] rounds = {0};
            Upcall overflows = callee.open(EchoInt.class, value -> {
                rounds[0]++;
                return endlessly(value);
            });
            MemorySegment[] self = new MemorySegment[1];
            Upcall deep = callee.open(
                    Recurse.class,
                    level -> level == 1
                            ? CFunction.at(overflows.pointer(), EchoInt.class).echo(1)
                            : Calls.recurse(self[0], level - 1));
            self[0] = deep.pointer();

            for (int round = 1; round <= 10; round++) {
                assertThat(Calls.recurse(deep.pointer(), 30)).isEqualTo(30);
                assertThat(callee.counters.failedCalls()).isEqualTo(round);
                assertThat(Calls.recurse(upcall.pointer(), 100)).isEqualTo(100);
            }
            assertThat(rounds[0]).isEqualTo(10);
            assertThat(callee.thrown).hasOnlyElementsOfType(StackOverflowError.class);
            assertThat(callee.counters.refusedCalls()).isZero();
            overflows.retire();
            deep.retire();
            assertThat(overflows.awaitLeft(0)).isTrue();
            assertThat(deep.awaitLeft(0)).isTrue();
        }

        @Test
        void healsLevelsThatCouldNotLeave() throws Throwable {
            // By hand, as the JVM does not survive it: the frame above has not left because the stack was full.
            Upcall below = callee.open(EchoInt.class, value -> value);
            Upcall above = callee.open(EchoInt.class, value -> value);
            Thread thread = new Thread(() -> {
                try {
                    Frame first = (Frame) ThreadRecord.NEXT.invokeExact((LastCaller) below.slot);
                    Binding _ = (Binding) Frame.ENTER.invokeExact(first, below.slot);
                    Frame second = (Frame) ThreadRecord.NEXT.invokeExact((LastCaller) above.slot);
                    Binding _ = (Binding) Frame.ENTER.invokeExact(second, above.slot);
                    assertThat(second).isNotSameAs(first);
                    assertThat(above.isInside(Thread.currentThread())).isTrue();
                    Frame.LEAVE.invokeExact(first);
                    assertThat(above.isInside(Thread.currentThread())).isFalse();
                    assertThat(below.isInside(Thread.currentThread())).isFalse();
                    assertThat((Frame) ThreadRecord.NEXT.invokeExact((LastCaller) below.slot))
                            .isSameAs(first);
                } catch (Throwable e) {
                    callee.thrown.add(e);
                }
            });
            thread.start();
            thread.join();
            assertThat(callee.thrown).isEmpty();
            above.retire();
            assertThat(above.awaitLeft(SECOND)).isTrue();
        }

        @Test
        void isUnchangedByACallThatFailsBeforeItHasEntered() throws Throwable {
            Upcall upcall = callee.open(EchoInt.class, value -> value);
            Frame frame = (Frame) ThreadRecord.NEXT.invokeExact((LastCaller) upcall.slot);
            Frame.LEAVE.invokeExact(frame);
            assertThat((Frame) ThreadRecord.NEXT.invokeExact((LastCaller) upcall.slot))
                    .isSameAs(frame);
            assertThat(upcall.isInside(Thread.currentThread())).isFalse();
        }

        @SuppressWarnings("InfiniteRecursion")
        private static int endlessly(int value) {
            return endlessly(value + 1) + 1;
        }
    }

    static final class Recursion {
        public static void main(String[] args) throws InterruptedException {
            TestCallee callee = new TestCallee();
            MemorySegment[] self = new MemorySegment[1];
            self[0] = callee.pointer(Recurse.class, level -> Calls.recurse(self[0], level - 1));
            int[] reached = new int[1];
            Thread here = new Thread(() -> reached[0] = Calls.recurse(self[0], ENDLESS)); // with the stack of -Xss
            here.start();
            here.join();
            boolean same = args.length > 0 || Calls.recurseOnThread(self[0], ENDLESS) == reached[0];
            System.out.println("reached " + (same ? reached[0] : -1) + ", refused " + callee.counters.refusedCalls()
                    + ", told " + callee.thrown.size() + " of reactor.ffi.nesting.limit");
            callee.thrown.forEach(e -> assertThat(e).hasMessageContaining("reactor.ffi.nesting.limit"));
        }
    }
}
