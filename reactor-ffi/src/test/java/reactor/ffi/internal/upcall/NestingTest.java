package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.ffi.CFunction;
import reactor.ffi.fixture.Callbacks.Again;
import reactor.ffi.fixture.Callbacks.EchoInt;
import reactor.ffi.fixture.Callbacks.Nest;
import reactor.ffi.fixture.Callbacks.Recurse;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;

/** Promise 2, its last sentence: upcalls nest so deep on one thread, and no deeper. */
class NestingTest {

    private static final int LIMIT = 64;
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final TestCallee callee = new TestCallee();
    private int deepest;

    /** C calls Java calls C, down to level 0. */
    private Upcall recursion(Recurse fallback) {
        MemorySegment[] self = new MemorySegment[1];
        int[] depth = {0};
        Upcall upcall = callee.open(
                Recurse.class,
                level -> {
                    deepest = Math.max(deepest, ++depth[0]);
                    try {
                        return Calls.recurse(self[0], level - 1);
                    } finally {
                        depth[0]--;
                    }
                },
                fallback);
        self[0] = upcall.pointer();
        return upcall;
    }

    @Nested
    class TheLimit {

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void isReachedExactlyAndThenTheFallbackAnswers(boolean onThread) {
            Upcall upcall = recursion(level -> 1000);
            for (int round = 1; round <= 100; round++) {
                int reached = onThread
                        ? Calls.recurseOnThread(upcall.pointer(), 10_000)
                        : Calls.recurse(upcall.pointer(), 10_000);
                assertThat(reached).isEqualTo(1000 + LIMIT + 1);
                assertThat(callee.counters.refused()).isEqualTo(round);
            }
            assertThat(deepest).isEqualTo(LIMIT);
            assertThat(callee.counters.failed()).isZero();
            assertThat(Calls.recurse(upcall.pointer(), LIMIT)).isEqualTo(LIMIT);
            assertThat(callee.counters.refused()).isEqualTo(100);
        }

        @Test
        void isOfTheThreadWhateverPointersItGoesThrough() {
            MemorySegment[] other = new MemorySegment[1];
            Upcall upcall = callee.open(Recurse.class, level -> Calls.recurse(other[0], level - 1));
            TestCallee second = new TestCallee();
            other[0] = second.pointer(Recurse.class, level -> Calls.recurse(upcall.pointer(), level - 1));
            assertThat(Calls.recurse(upcall.pointer(), 10_000)).isEqualTo(LIMIT + 1);
            assertThat(callee.counters.refused() + second.counters.refused()).isEqualTo(1);
        }

        @Test
        void holdsWhenJavaReturnsToCThroughAPointerThatItWasGiven() {
            Upcall upcall = callee.open(
                    Nest.class,
                    (depth, again) -> CFunction.at(again, Again.class).again(depth - 1));
            assertThat(Calls.nested(upcall.pointer(), 10_000, true)).isEqualTo(LIMIT + 1);
            assertThat(callee.counters.refused()).isEqualTo(1);
        }

        @Test
        void holdsForAFallbackThatCallsCToo() {
            Upcall[] self = new Upcall[1];
            int[] answered = {0};
            self[0] = recursion(level -> {
                answered[0]++;
                return Calls.recurse(self[0].pointer(), level - 1);
            });
            // The call that is refused, and one from within its fallback, which is zero at once.
            assertThat(Calls.recurse(self[0].pointer(), 10_000)).isEqualTo(LIMIT + 2);
            assertThat(answered[0]).isEqualTo(1);
            assertThat(callee.counters.refused()).isEqualTo(2);
        }

        @Test
        void tenThousandLevelsDoNotEndTheJvm() {
            ForkedJvm.run(Recursion.class).assertExitedCleanly().assertOut("reached 65, refused 2");
        }

        @Test
        void isASystemProperty() {
            for (int limit : new int[] {1, 3, 200}) {
                ForkedJvm.of(Recursion.class)
                        .jvmOptions("-Dreactor.ffi.nesting.limit=" + limit)
                        .run()
                        .assertExitedCleanly()
                        .assertOut("reached " + (limit + 1) + ", refused 2");
            }
            ForkedJvm.of(Recursion.class)
                    .jvmOptions("-Dreactor.ffi.nesting.limit=many")
                    .run()
                    .assertExitedWith(1)
                    .assertErr(
                            "system property reactor.ffi.nesting.limit is 'many'; it must be a number from 1 to 1024");
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
                assertThat(callee.counters.failed()).isEqualTo(round);
                assertThat(Calls.recurse(upcall.pointer(), LIMIT)).isEqualTo(LIMIT);
            }
            assertThat(rounds[0]).isEqualTo(10);
            assertThat(callee.thrown).hasOnlyElementsOfType(StackOverflowError.class);
            assertThat(callee.counters.refused()).isZero();
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
                    Frame first = (Frame) ThreadRecord.NEXT.invokeExact();
                    Binding _ = (Binding) Frame.ENTER.invokeExact(first, below.slot);
                    Frame second = (Frame) ThreadRecord.NEXT.invokeExact();
                    Binding _ = (Binding) Frame.ENTER.invokeExact(second, above.slot);
                    assertThat(second).isNotSameAs(first);
                    assertThat(above.isInside(Thread.currentThread())).isTrue();
                    Frame.LEAVE.invokeExact(first);
                    assertThat(above.isInside(Thread.currentThread())).isFalse();
                    assertThat(below.isInside(Thread.currentThread())).isFalse();
                    assertThat((Frame) ThreadRecord.NEXT.invokeExact()).isSameAs(first);
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
            Frame frame = (Frame) ThreadRecord.NEXT.invokeExact();
            Frame.LEAVE.invokeExact(frame);
            assertThat((Frame) ThreadRecord.NEXT.invokeExact()).isSameAs(frame);
            assertThat(upcall.isInside(Thread.currentThread())).isFalse();
        }

        @SuppressWarnings("InfiniteRecursion")
        private static int endlessly(int value) {
            return endlessly(value + 1) + 1;
        }
    }

    static final class Recursion {
        public static void main(String[] args) {
            TestCallee callee = new TestCallee();
            MemorySegment[] self = new MemorySegment[1];
            self[0] = callee.pointer(Recurse.class, level -> Calls.recurse(self[0], level - 1));
            int here = Calls.recurse(self[0], 10_000);
            int there = Calls.recurseOnThread(self[0], 10_000);
            System.out.println("reached " + (here == there ? here : -1) + ", refused " + callee.counters.refused());
        }
    }
}
