package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackType;
import reactor.ffi.fixture.Callbacks.EchoDouble;
import reactor.ffi.fixture.Callbacks.EchoInt;
import reactor.ffi.fixture.Callbacks.EchoLong;
import reactor.ffi.fixture.Callbacks.EchoSegment;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.Values;

/** When the slot of a retired callback is used again. */
class StubReuseTest {

    private final TestCallee callee = new TestCallee();

    @Nested
    class Reuse {

        @Test
        void isImmediateOnceReleased() {
            MemorySegment pointer = null;
            AtomicInteger handled = new AtomicInteger();
            int created = -1;
            for (int i = 0; i < 200_000; i++) {
                Upcall upcall = callee.open(EchoInt.class, value -> handled.incrementAndGet());
                if (i % 1000 == 0) {
                    assertThat(Values.askInt(upcall.pointer(), 1, false)).isEqualTo(i / 1000 + 1);
                }
                if (pointer == null) {
                    pointer = upcall.pointer();
                    created = Stubs.created();
                }
                if (!pointer.equals(upcall.pointer())) {
                    throw new AssertionError("another stub in cycle " + i);
                }
                if (i % 2 == 0) {
                    upcall.retire();
                }
                upcall.release();
                upcall.release();
            }
            assertThat(Stubs.created()).isEqualTo(created);
        }

        @Test
        void neverComesBeforeTheQuarantineIsOver() {
            Set<MemorySegment> retired = new HashSet<>();
            for (int i = 0; i < 300; i++) {
                Upcall upcall = callee.open(EchoLong.class, value -> value);
                assertThat(retired.add(upcall.pointer())).isTrue();
                upcall.retire();
            }
            assertThat(Stubs.quarantined()).isGreaterThanOrEqualTo(300);
        }

        @Test
        void comesAfterItForTheSameSourceFirstAndBehind256Younger() {
            ForkedJvm.of(Quarantine.class)
                    .jvmOptions("-Dreactor.ffi.quarantine.millis=0")
                    .run()
                    .assertExitedCleanly()
                    .assertOut("ok");
        }

        @Test
        void isEarlyAtTheCeilingForTheSameSourceOnly() {
            ForkedJvm.of(AtTheCeiling.class)
                    .jvmOptions("-Dreactor.ffi.stubs.limit=4")
                    .run()
                    .assertExitedCleanly()
                    .assertOut("ok");
        }

        @Test
        void isEarlyForASourceThatHasManyBeforeItTakesWhatOthersNeed() {
            ForkedJvm.of(Greedy.class)
                    .jvmOptions("-Dreactor.ffi.stubs.limit=160")
                    .run()
                    .assertExitedCleanly()
                    .assertOut("ok");
        }

        @Test
        void takesNothingFromTheNextOne() {
            Upcall stale = callee.open(EchoInt.class, value -> value);
            stale.release();
            TestCallee next = new TestCallee();
            Upcall fresh = next.open(EchoInt.class, value -> {
                assertThat(stale.isInside(Thread.currentThread())).isFalse();
                return value + 1;
            });
            assertThat(fresh.pointer()).isEqualTo(stale.pointer());

            stale.retire();
            stale.release();
            assertThat(stale.awaitLeft(0)).isTrue();
            assertThat(Values.askInt(fresh.pointer(), 5, true)).isEqualTo(6);
            assertThat(callee.open(EchoInt.class, value -> value).pointer()).isNotEqualTo(fresh.pointer());
            assertThat(next.thrown).isEmpty();
            assertThat(next.counters.lateCalls() + callee.counters.lateCalls()).isZero();
        }

        @Test
        void isNotHastenedByWhoHadTheSlotBefore() {
            Upcall stale = callee.open(EchoInt.class, value -> value);
            stale.release();
            Upcall inQuarantine = callee.open(EchoInt.class, value -> value);
            assertThat(inQuarantine.pointer()).isEqualTo(stale.pointer());
            inQuarantine.retire();
            stale.release();
            assertThat(callee.open(EchoInt.class, value -> value).pointer()).isNotEqualTo(stale.pointer());
        }

        @Test
        void happensOnceHoweverOftenASlotIsReleased() {
            Upcall upcall = callee.open(EchoInt.class, value -> value);
            upcall.retire();
            upcall.retire();
            upcall.release();
            upcall.release();
            upcall.retire();
            Upcall first = callee.open(EchoInt.class, value -> value);
            Upcall second = callee.open(EchoInt.class, value -> value);
            assertThat(first.pointer()).isEqualTo(upcall.pointer());
            assertThat(second.pointer()).isNotEqualTo(first.pointer());
        }
    }

    /** With a quarantine of no time, the depth alone decides. */
    static final class Quarantine {
        public static void main(String[] args) {
            TestCallee a = new TestCallee();
            TestCallee b = new TestCallee();
            Upcall oldest = retired(b);
            Upcall second = retired(a);
            Set<MemorySegment> younger = new HashSet<>();
            for (int i = 0; i < 255; i++) {
                younger.add(retired(b).pointer());
            }
            StubsTest.check(younger.size() == 255, "one of the younger was reused");
            StubsTest.check(
                    !younger.contains(oldest.pointer()), "the oldest was reused before 256 younger waited behind it");
            // 257 wait now: the oldest has 256 younger ones, the second has not.
            StubsTest.check(!younger.contains(second.pointer()), "the second was reused");
            Upcall reused = open(a);
            StubsTest.check(reused.pointer().equals(oldest.pointer()), "the oldest is reused when 256 younger wait");

            Upcall third = open(b);
            Upcall fourth = open(b);
            retire(third);
            retire(fourth);
            // Second and the first of the younger have 256 behind them: the same source goes first, whoever is older.
            Upcall ofB = open(b);
            StubsTest.check(younger.contains(ofB.pointer()), "the oldest of the same source first");
            Upcall ofA = open(a);
            StubsTest.check(ofA.pointer().equals(second.pointer()), "then the other");
            StubsTest.check(Stubs.quarantined() == 256, "nobody else has waited long enough");
            StubsTest.check(Stubs.reusedEarly() == 0, "none of these was early");
            System.out.println("ok");
        }

        private static Upcall retired(TestCallee callee) {
            return retire(open(callee));
        }

        private static Upcall retire(Upcall upcall) {
            upcall.retire();
            upcall.allowEarlyReuse();
            return upcall;
        }

        /** By one lambda expression: of one callee they are one source. */
        private static Upcall open(TestCallee callee) {
            return callee.open(EchoInt.class, value -> value);
        }
    }

    static final class AtTheCeiling {
        public static void main(String[] args) {
            TestCallee a = new TestCallee();
            TestCallee b = new TestCallee();
            Upcall first = open(a, 1);
            Upcall second = open(a, 2);
            Upcall third = open(b, 3);
            Upcall fourth = open(b, 4);
            third.retire();
            third.allowEarlyReuse();
            first.retire();
            second.retire();
            StubsTest.check(Stubs.created() == 4, "four stubs");
            assertRefused(a, "a handler may still be inside those");
            second.allowEarlyReuse();
            first.allowEarlyReuse();
            assertRefused(new TestCallee(), "a stranger");
            refused(() -> a.open(EchoInt.class, value -> 6), "another handler of the same callee");

            Upcall again = open(a, 5);
            StubsTest.check(
                    again.pointer().equals(second.pointer()), "the oldest offer to the same source is reused early");
            StubsTest.check(Stubs.reusedEarly() == 1, "and counted");
            StubsTest.check(CFunction.at(again.pointer(), EchoInt.class).echo(0) == 5, "and works");

            again.release();
            assertRefused(new TestCallee(), "native code may call it for the second still");
            StubsTest.check(open(a, 6).pointer().equals(first.pointer()), "the oldest offer");
            StubsTest.check(open(a, 7).pointer().equals(second.pointer()), "for its own source it is as good as any");

            fourth.release();
            StubsTest.check(open(new TestCallee(), 8).pointer().equals(fourth.pointer()), "a free one is for all");
            StubsTest.check(Stubs.created() == 4 && Stubs.reusedEarly() == 3, "still four");
            System.out.println("ok");
        }

        /** By one lambda expression: of one callee they are one source. */
        private static Upcall open(TestCallee callee, int answer) {
            return callee.open(EchoInt.class, value -> answer);
        }

        private static void assertRefused(TestCallee callee, String who) {
            refused(() -> open(callee, 6), who);
        }

        private static void refused(Runnable open, String who) {
            try {
                open.run();
            } catch (IllegalStateException e) {
                StubsTest.check(e.getMessage().contains("EchoInt.echo"), e.getMessage());
                StubsTest.check(e.getMessage().contains("sink.release(pointer)"), e.getMessage());
                StubsTest.check(e.getMessage().contains("reactor.ffi.stubs.limit"), e.getMessage());
                return;
            }
            throw new AssertionError(who);
        }
    }

    /** Of 160 stubs. */
    static final class Greedy {
        public static void main(String[] args) {
            TestCallee greedy = new TestCallee();
            for (int i = 0; i < 2_000; i++) {
                Upcall upcall = greedy.open(EchoInt.class, value -> value);
                upcall.retire();
                upcall.allowEarlyReuse();
            }
            StubsTest.check(Stubs.created() <= 11, "a sixteenth of what is left, not " + Stubs.created());
            StubsTest.check(Stubs.reusedEarly() >= 1_989, "the others are its own");

            int live = 0;
            try {
                for (; live < 1_000; live++) {
                    new TestCallee().open(EchoInt.class, value -> value);
                }
            } catch (IllegalStateException refused) {
                StubsTest.check(Stubs.created() == 140, "the last eighth is for others, not " + Stubs.created());
            }
            StubsTest.check(live < 140, "all but the last eighth");
            for (int i = 0; i < 2; i++) {
                new TestCallee().open(EchoLong.class, value -> value);
            }
            try {
                new TestCallee().open(EchoLong.class, value -> value);
                throw new AssertionError("of what is left it has its share");
            } catch (IllegalStateException refused) {
                StubsTest.check(Stubs.created() == 142, "two more, not " + Stubs.created());
            }
            new TestCallee().open(EchoDouble.class, value -> value);
            new TestCallee()
                    .open(CallbackType.of(EchoSegment.class).descriptor(Structs.ECHO_LARGE), value -> value, null);
            System.out.println("ok");
        }
    }
}
