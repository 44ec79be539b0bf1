package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
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
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.Values;

/** A pointer stays callable, and reaches nobody but those it was made for. */
class StubsTest {

    private final TestCallee callee = new TestCallee();

    @Nested
    class ThePool {

        interface AlsoEchoInt {
            int another(int value);
        }

        @Test
        void isSharedByAllInterfacesOfOneCType() {
            Upcall first = callee.open(EchoInt.class, value -> value);
            first.release();
            Upcall second = callee.open(AlsoEchoInt.class, value -> -value);
            assertThat(second.pointer()).isEqualTo(first.pointer());
            assertThat(Values.askInt(second.pointer(), 5, true)).isEqualTo(-5);
        }

        @Test
        void isNotSharedByDifferentCTypes() {
            Upcall first = callee.open(EchoInt.class, value -> value);
            first.release();
            assertThat(callee.open(EchoLong.class, value -> value).pointer()).isNotEqualTo(first.pointer());
            assertThat(callee.open(EchoInt.class, value -> value).pointer()).isEqualTo(first.pointer());
        }

        @Test
        void losesNothingWhenARegistrationIsRefused() {
            callee.open(EchoInt.class, value -> value).release();
            CallbackType<ThePool.AlsoEchoInt> outOfSight =
                    CallbackType.of(AlsoEchoInt.class).lookup(MethodHandles.publicLookup());
            int created = Stubs.created();
            for (int i = 0; i < 100; i++) {
                assertThatThrownBy(() -> callee.open(outOfSight, value -> value, null))
                        .isInstanceOf(IllegalArgumentException.class);
            }
            callee.open(EchoInt.class, value -> value).release();
            assertThat(Stubs.created()).isEqualTo(created);
        }

        @Test
        void saysWhoseLayoutThePlatformLacks() {
            CallbackType<EchoInt> bigEndian = CallbackType.of(EchoInt.class)
                    .descriptor(FunctionDescriptor.of(
                            ValueLayout.JAVA_INT, ValueLayout.JAVA_INT.withOrder(ByteOrder.BIG_ENDIAN)));
            int created = Stubs.created();
            assertThatThrownBy(() -> callee.open(bigEndian, value -> value, null))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("EchoInt.echo")
                    .hasMessageContaining("layout");
            assertThat(Stubs.created()).isEqualTo(created);
        }
    }

    @Nested
    class LateCalls {

        @Test
        void areAnsweredByTheZeroOfTheResultAndCounted() {
            List<Object> handled = new ArrayList<>();
            Upcall event = callee.open(OnEvent.class, (thread, sequence, id) -> handled.add(id));
            Upcall number = callee.open(EchoDouble.class, value -> handled.size() + handled.hashCode());
            Upcall pointer = callee.open(EchoSegment.class, value -> {
                handled.add(value);
                return value;
            });
            Upcall struct = callee.open(
                    CallbackType.of(EchoSegment.class).descriptor(Structs.ECHO_LARGE),
                    value -> {
                        handled.add(value);
                        return value;
                    },
                    null);
            List.of(event, number, pointer, struct).forEach(Upcall::retire);

            Calls.fromThreads(event.pointer(), 2, 5, 1);
            assertThat(Values.askDouble(number.pointer(), 4, true)).isZero();
            assertThat(Values.askPointer(pointer.pointer(), MemorySegment.ofAddress(4), true)
                            .address())
                    .isZero();
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment value = arena.allocate(Structs.LARGE).fill((byte) 1);
                assertThat(Values.askLarge(arena, struct.pointer(), value, false)
                                .mismatch(arena.allocate(Structs.LARGE)))
                        .isEqualTo(-1);
            }
            assertThat(handled).isEmpty();
            assertThat(callee.counters.lateCalls()).isEqualTo(13);
            assertThat(callee.thrown).isEmpty();
            assertThat(callee.counters.failedCalls()).isZero();
        }

        @Test
        void areAnsweredByTheFallbackOfTheUser() {
            Upcall number = callee.open(EchoInt.class, value -> value, value -> -value);
            Upcall struct = callee.open(
                    CallbackType.of(EchoSegment.class).descriptor(Structs.ECHO_SHAPE),
                    value -> MemorySegment.NULL,
                    value -> value);
            assertThat(Values.askInt(number.pointer(), 5, true)).isEqualTo(5);
            number.retire();
            struct.retire();
            assertThat(Values.askInt(number.pointer(), 5, true)).isEqualTo(-5);
            assertThat(Values.checkShape(struct.pointer(), true)).isZero();
            assertThat(callee.counters.lateCalls()).isEqualTo(2);
        }

        @Test
        void areZeroIfTheFallbackFails() {
            Upcall number = callee.open(EchoInt.class, value -> value, value -> {
                throw new IllegalStateException("on purpose");
            });
            number.retire();
            assertThat(Values.askInt(number.pointer(), 5, true)).isZero();
            assertThat(callee.counters.lateCalls()).isEqualTo(1);
            assertThat(callee.counters.failedCalls()).isZero();
        }

        @Test
        void areZeroAndCountedAfterAReleaseToo() {
            Upcall number = callee.open(EchoInt.class, value -> value, value -> -value);
            number.release();
            assertThat(Values.askInt(number.pointer(), 5, true)).isZero();
            assertThat(callee.counters.lateCalls()).isEqualTo(1);
        }
    }

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

    @Nested
    class WhatIsKept {

        @Test
        void isCollectableAfterTheQuarantineThoughTheNativeThreadLives() {
            ForkedJvm.of(Collected.class)
                    .jvmOptions("-Dreactor.ffi.quarantine.millis=1000")
                    .run()
                    .assertExitedCleanly()
                    .assertOut("ok");
        }

        @Test
        void isNothingOfAJavaThreadThatHasEnded() throws Exception {
            MemorySegment pointer = callee.pointer(EchoInt.class, value -> value);
            WeakReference<ClassLoader> loader = callFromAThreadWithALoaderOfItsOwn(pointer);
            await().until(() -> {
                System.gc();
                return loader.refersTo(null);
            });
        }

        private static WeakReference<ClassLoader> callFromAThreadWithALoaderOfItsOwn(MemorySegment pointer)
                throws InterruptedException {
            ClassLoader loader = new URLClassLoader(new URL[0]);
            Thread thread = new Thread(() -> Values.askInt(pointer, 1, false));
            thread.setContextClassLoader(loader);
            thread.start();
            thread.join();
            return new WeakReference<>(loader);
        }
    }

    /** {@code OnEvent} by another name. */
    @FunctionalInterface
    public interface OnOther {
        void onOther(int thread, long sequence, long id);
    }

    /** A stub has the interface compiled in that it was made for; what its slot is bound to says which handler runs. */
    @Test
    void aSlotThatWasMadeForOneInterfaceServesAnother() {
        AtomicInteger events = new AtomicInteger();
        AtomicInteger others = new AtomicInteger();
        for (int round = 1; round <= 3; round++) {
            Upcall event = callee.open(OnEvent.class, (thread, sequence, id) -> events.getAndIncrement());
            Calls.n(event.pointer(), 30_000, 0);
            event.release();
            Upcall other = callee.open(OnOther.class, (thread, sequence, id) -> others.getAndIncrement());
            assertThat(other.pointer()).isEqualTo(event.pointer());
            Calls.n(other.pointer(), 30_000, 0);
            other.release();
            assertThat(events).hasValue(round * 30_000);
            assertThat(others).hasValue(round * 30_000);
        }
        assertThat(callee.thrown).isEmpty();
    }

    @Test
    void onlyWhatIsOfTheLibrarysOwnLoaderOrOfOneAboveIsCompiledIn() throws Exception {
        assertThat(Interfaces.livesAsLongAsThisLibrary(OnEvent.class)).isTrue();
        assertThat(Interfaces.livesAsLongAsThisLibrary(Runnable.class)).isTrue();
        try (Child child = new Child()) {
            assertThat(Interfaces.livesAsLongAsThisLibrary(child.loadClass(Foreign.class.getName())))
                    .isFalse();
        }
    }

    @Test
    void saysWhatToDoWhereNativeAccessIsDenied() {
        assumeTrue(Runtime.version().feature() >= 24, "the JDK only warns");
        ForkedJvm.of(Denied.class)
                .withoutNativeAccess()
                .run()
                .assertExitedCleanly()
                .assertOut(
                        "upcall: native access is denied, so reactor.ffi.fixture.Callbacks$EchoInt.echo cannot be bound to C:"
                                + " start the JVM with --enable-native-access=ALL-UNNAMED",
                        "downcall: native access is denied, so reactor.ffi.fixture.Callbacks$EchoInt.echo cannot be bound",
                        "created 0");
    }

    static void check(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
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
            check(younger.size() == 255, "one of the younger was reused");
            check(!younger.contains(oldest.pointer()), "the oldest was reused before 256 younger waited behind it");
            // 257 wait now: the oldest has 256 younger ones, the second has not.
            check(!younger.contains(second.pointer()), "the second was reused");
            Upcall reused = open(a);
            check(reused.pointer().equals(oldest.pointer()), "the oldest is reused when 256 younger wait");

            Upcall third = open(b);
            Upcall fourth = open(b);
            retire(third);
            retire(fourth);
            // Second and the first of the younger have 256 behind them: the same source goes first, whoever is older.
            Upcall ofB = open(b);
            check(younger.contains(ofB.pointer()), "the oldest of the same source first");
            Upcall ofA = open(a);
            check(ofA.pointer().equals(second.pointer()), "then the other");
            check(Stubs.quarantined() == 256, "nobody else has waited long enough");
            check(Stubs.reusedEarly() == 0, "none of these was early");
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
            check(Stubs.created() == 4, "four stubs");
            assertRefused(a, "a handler may still be inside those");
            second.allowEarlyReuse();
            first.allowEarlyReuse();
            assertRefused(new TestCallee(), "a stranger");
            refused(() -> a.open(EchoInt.class, value -> 6), "another handler of the same callee");

            Upcall again = open(a, 5);
            check(again.pointer().equals(second.pointer()), "the oldest offer to the same source is reused early");
            check(Stubs.reusedEarly() == 1, "and counted");
            check(CFunction.at(again.pointer(), EchoInt.class).echo(0) == 5, "and works");

            again.release();
            assertRefused(new TestCallee(), "native code may call it for the second still");
            check(open(a, 6).pointer().equals(first.pointer()), "the oldest offer");
            check(open(a, 7).pointer().equals(second.pointer()), "for its own source it is as good as any");

            fourth.release();
            check(open(new TestCallee(), 8).pointer().equals(fourth.pointer()), "a free one is for all");
            check(Stubs.created() == 4 && Stubs.reusedEarly() == 3, "still four");
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
                check(e.getMessage().contains("EchoInt.echo"), e.getMessage());
                check(e.getMessage().contains("sink.release(pointer)"), e.getMessage());
                check(e.getMessage().contains("reactor.ffi.stubs.limit"), e.getMessage());
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
            check(Stubs.created() <= 11, "a sixteenth of what is left, not " + Stubs.created());
            check(Stubs.reusedEarly() >= 1_989, "the others are its own");

            int live = 0;
            try {
                for (; live < 1_000; live++) {
                    new TestCallee().open(EchoInt.class, value -> value);
                }
            } catch (IllegalStateException refused) {
                check(Stubs.created() == 140, "the last eighth is for others, not " + Stubs.created());
            }
            check(live < 140, "all but the last eighth");
            for (int i = 0; i < 2; i++) {
                new TestCallee().open(EchoLong.class, value -> value);
            }
            try {
                new TestCallee().open(EchoLong.class, value -> value);
                throw new AssertionError("of what is left it has its share");
            } catch (IllegalStateException refused) {
                check(Stubs.created() == 142, "two more, not " + Stubs.created());
            }
            new TestCallee().open(EchoDouble.class, value -> value);
            new TestCallee()
                    .open(CallbackType.of(EchoSegment.class).descriptor(Structs.ECHO_LARGE), value -> value, null);
            System.out.println("ok");
        }
    }

    /** What a user's class loader defines: an interface, a handler and a fallback. Loaded a second time by Child. */
    public static final class Foreign {

        public interface OnForeign {
            void on(int thread, long sequence, long id);
        }

        public static Upcall open(Callee callee, AtomicInteger handled, AtomicInteger late, Object keep) {
            check(!Foreign.class.getClassLoader().equals(Callee.class.getClassLoader()), "loaded by the child");
            int[] mine = {1}; // so that the handler is an instance, not a constant
            return Signature.of(OnForeign.class)
                    .open(
                            (thread, sequence, id) -> handled.addAndGet(mine[0]),
                            (thread, sequence, id) ->
                                    late.addAndGet(keep.toString().isEmpty() ? 0 : 1),
                            callee,
                            7,
                            keep);
        }

        private static void check(boolean condition, String what) {
            if (!condition) {
                throw new AssertionError(what);
            }
        }
    }

    /** Defines Foreign itself. */
    static final class Child extends URLClassLoader {

        Child() {
            super(urls(), StubsTest.class.getClassLoader());
        }

        private static URL[] urls() {
            return new URL[] {
                StubsTest.class.getProtectionDomain().getCodeSource().getLocation()
            };
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith(Foreign.class.getName())) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                return loaded != null ? loaded : findClass(name);
            }
        }
    }

    static final class Collected {
        private static final AtomicInteger HANDLED = new AtomicInteger();
        private static final AtomicInteger LATE = new AtomicInteger();

        public static void main(String[] args) throws Exception {
            WeakReference<?>[] user = new WeakReference<?>[2];
            MemorySegment pointer = begin(user, new TestCallee());
            try (Source source = Source.events(pointer, 1).startOnDemand()) {
                source.demand(3);
                await().until(() -> HANDLED.get() == 3);
                upcall.retire();
                upcall = null;
                Thread.currentThread().setContextClassLoader(ClassLoader.getSystemClassLoader());
                for (int i = 0; i < 5; i++) {
                    System.gc();
                }
                check(user[0].get() != null && user[1].get() != null, "kept during the quarantine");
                source.demand(2);
                await().until(() -> LATE.get() == 2);
                await().atMost(Duration.ofSeconds(20)).until(() -> {
                    System.gc();
                    return Arrays.stream(user).allMatch(reference -> reference.refersTo(null));
                });
                check(source.running() == 1, "the native thread lives");
                source.demand(1);
                await().until(() -> source.calls() == 6);
                check(HANDLED.get() == 3 && LATE.get() == 2, "nobody is reached any more");
            }
            System.out.println("ok");
        }

        private static Upcall upcall;

        /** On a frame of its own: no local of main may keep anything. */
        private static MemorySegment begin(WeakReference<?>[] user, Callee callee) {
            Child child = new Child();
            Object keep = new Object();
            user[0] = new WeakReference<>(child);
            user[1] = new WeakReference<>(keep);
            Thread.currentThread().setContextClassLoader(child);
            try {
                upcall = (Upcall) child.loadClass(Foreign.class.getName())
                        .getMethod("open", Callee.class, AtomicInteger.class, AtomicInteger.class, Object.class)
                        .invoke(null, callee, HANDLED, LATE, keep);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError(e.getMessage(), e);
            }
            return upcall.pointer();
        }
    }

    static final class Denied {
        public static void main(String[] args) {
            try {
                new TestCallee().open(EchoInt.class, value -> value);
            } catch (IllegalCallerException e) {
                System.out.println("upcall: " + e.getMessage());
            }
            try {
                CFunction.at(MemorySegment.ofAddress(8), EchoInt.class);
            } catch (IllegalCallerException e) {
                System.out.println("downcall: " + e.getMessage());
            }
            System.out.println("created " + Stubs.created());
        }
    }
}
