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
import java.util.List;
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
