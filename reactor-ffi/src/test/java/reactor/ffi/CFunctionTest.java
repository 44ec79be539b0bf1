package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.IntUnaryOperator;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import reactor.ffi.fixture.BareStub;
import reactor.ffi.fixture.Callbacks.Again;
import reactor.ffi.fixture.Callbacks.EchoInt;
import reactor.ffi.fixture.Callbacks.EchoSegment;
import reactor.ffi.fixture.Callbacks.Nest;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnMixed;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.Values;
import reactor.ffi.internal.metrics.SourceCounters;
import reactor.ffi.internal.upcall.Callee;
import reactor.ffi.internal.upcall.Signature;

class CFunctionTest {

    private static final MemorySegment ABS =
            Linker.nativeLinker().defaultLookup().find("abs").orElseThrow();

    interface PackagePrivate {
        int abs(int value);

        default int twice(int value) {
            return 2 * abs(value);
        }
    }

    public interface WithDefault {
        int abs(int value);

        default int twice(int value) {
            return 2 * abs(value);
        }
    }

    private interface Private {
        int abs(int value);
    }

    /** Its method is declared twice, and equals once more. */
    interface Redeclared extends PackagePrivate {
        @Override
        int abs(int value);

        @Override
        boolean equals(Object other);
    }

    @Nested
    class Interfaces {

        @Test
        void mayBePublicOrNot() {
            interface Local {
                int abs(int value);
            }
            assertThat(CFunction.at(ABS, EchoInt.class).echo(-5)).isEqualTo(5);
            assertThat(CFunction.at(ABS, PackagePrivate.class).abs(-5)).isEqualTo(5);
            assertThat(CFunction.at(ABS, Private.class).abs(-5)).isEqualTo(5);
            assertThat(CFunction.at(ABS, Redeclared.class).abs(-5)).isEqualTo(5);
            assertThat(CFunction.at(ABS, Local.class).abs(-5)).isEqualTo(5);
            assertThat(CFunction.at(ABS, IntUnaryOperator.class).applyAsInt(-5)).isEqualTo(5);
        }

        @Test
        void keepTheirDefaultMethods() {
            assertThat(CFunction.at(ABS, WithDefault.class).twice(-5)).isEqualTo(10);
            assertThat(CFunction.at(ABS, PackagePrivate.class).twice(-5)).isEqualTo(10);
        }

        @Test
        void haveTheMethodsOfObject() {
            for (Object function : new Object[] {
                CFunction.at(ABS, EchoInt.class), CFunction.at(ABS, Private.class), CFunction.at(ABS, Redeclared.class)
            }) {
                assertThat(function.equals(function)).isTrue();
                assertThat(function.equals("another")).isFalse();
                assertThat(function.hashCode()).isEqualTo(function.hashCode());
                assertThat(function.toString()).isNotBlank();
            }
        }

        /** A handle that is spread anew, or a search for the methods of Object, made each call 50 times as long. */
        @Test
        void thatAreNotPublicCostNoMoreThanTheirProxy() {
            EchoInt published = CFunction.at(ABS, EchoInt.class);
            PackagePrivate hidden = CFunction.at(ABS, PackagePrivate.class);
            long plain = Long.MAX_VALUE;
            long proxied = Long.MAX_VALUE;
            long defaulted = Long.MAX_VALUE;
            for (int round = 0; round < 20; round++) {
                plain = Math.min(plain, nanos(i -> published.echo(-i)));
                proxied = Math.min(proxied, nanos(i -> hidden.abs(-i)));
                defaulted = Math.min(defaulted, nanos(i -> hidden.twice(-i) / 2));
            }
            assertThat(proxied).as("a call took %d ns without a proxy", plain).isLessThan(100 + 10 * plain);
            assertThat(defaulted).isLessThan(200 + 20 * plain);
        }

        /** Of one call. */
        private static long nanos(IntUnaryOperator function) {
            int calls = 20_000;
            int wrong = 0;
            long start = System.nanoTime();
            for (int i = 1; i <= calls; i++) {
                wrong += function.applyAsInt(i) == i ? 0 : 1;
            }
            long end = System.nanoTime();
            assertThat(wrong).isZero();
            return (end - start) / calls;
        }

        @Test
        void thatAreNotFitAreRefused() {
            assertThatThrownBy(() -> CFunction.at(ABS, Comparable.class))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("java.lang.Comparable is generic");
        }
    }

    @Nested
    class Functions {

        @Test
        void takeEveryType() {
            MemorySegment weigh = BareStub.of(OnMixed.class, Values::weigh);
            double answer = CFunction.at(weigh, OnMixed.class)
                    .onMixed(
                            (byte) -1,
                            2.5,
                            (short) -3,
                            4.25F,
                            -5,
                            6.5,
                            -7,
                            8.75F,
                            '\uea69',
                            10.5,
                            true,
                            12.25F,
                            MemorySegment.ofAddress(13),
                            14.5,
                            15L << 32,
                            16.5F,
                            (byte) -17,
                            18.125);
            assertThat(answer)
                    .isEqualTo(Values.weigh(
                            (byte) -1,
                            2.5,
                            (short) -3,
                            4.25F,
                            -5,
                            6.5,
                            -7,
                            8.75F,
                            '\uea69',
                            10.5,
                            true,
                            12.25F,
                            MemorySegment.ofAddress(13),
                            14.5,
                            15L << 32,
                            16.5F,
                            (byte) -17,
                            18.125));
        }

        @Test
        void returnStructsInMemoryOfTheirOwn() {
            MemorySegment echo = BareStub.of(EchoSegment.class, value -> value, Structs.ECHO_SHAPE);
            EchoSegment function =
                    CFunction.at(echo, CallbackType.of(EchoSegment.class).descriptor(Structs.ECHO_SHAPE));
            MemorySegment first;
            MemorySegment second;
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment shape = arena.allocate(Structs.SHAPE);
                shape.fill((byte) 7);
                first = function.echo(shape);
                shape.fill((byte) 8);
                second = function.echo(shape);
            }
            assertThat(first.toArray(ValueLayout.JAVA_BYTE)).hasSize(56).containsOnly(7);
            assertThat(second.toArray(ValueLayout.JAVA_BYTE)).hasSize(56).containsOnly(8);
        }

        @Test
        void thatCHandsInAreCalledBack() {
            MemorySegment nest = BareStub.of(
                    Nest.class,
                    (depth, again) -> CFunction.at(again, Again.class).again(depth - 1));
            assertThat(Calls.nested(nest, 5, false)).isEqualTo(5);
            assertThat(Calls.nested(nest, 5, true)).isEqualTo(5);
        }

        @Test
        void areWhatASinkMadeToo() {
            long[] sum = {0};
            Callee callee = new Callee() {
                private final SourceCounters counters = new SourceCounters("test");

                @Override
                public void handlerFailed(Throwable thrown) {
                    throw new AssertionError(thrown);
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
            MemorySegment pointer = Signature.of(OnEvent.class)
                    .open((thread, sequence, id) -> sum[0] += thread + sequence + id, null, callee, 1, callee)
                    .pointer();
            OnEvent fire = CFunction.at(pointer, OnEvent.class);
            fire.onEvent(1, 20, 300);
            fire.onEvent(1, 20, 300);
            assertThat(sum[0]).isEqualTo(642);
        }

        @Test
        void thatAreNullAreRefused() {
            assertThatThrownBy(() -> CFunction.at(MemorySegment.NULL, EchoInt.class))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("EchoInt.echo")
                    .hasMessageContaining("NULL");
            assertThatThrownBy(() -> CFunction.at(null, EchoInt.class))
                    .isInstanceOf(NullPointerException.class)
                    .hasMessageContaining("pointer");
            assertThatThrownBy(() -> CFunction.at(ABS, (Class<EchoInt>) null))
                    .isInstanceOf(NullPointerException.class)
                    .hasMessageContaining("type");
        }

        @Test
        void thatHaveNoAddressAreRefused() {
            assertThatThrownBy(() -> CFunction.at(MemorySegment.ofArray(new byte[8]), EchoInt.class))
                    .isInstanceOf(IllegalArgumentException.class);
        }

        @Test
        void ofADescriptorThatThePlatformLacksAreRefusedByName() {
            CallbackType<EchoInt> bigEndian = CallbackType.of(EchoInt.class)
                    .descriptor(FunctionDescriptor.of(
                            ValueLayout.JAVA_INT.withOrder(ByteOrder.BIG_ENDIAN),
                            ValueLayout.JAVA_INT.withOrder(ByteOrder.BIG_ENDIAN)));
            assertThatThrownBy(() -> CFunction.at(ABS, bigEndian))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("EchoInt.echo")
                    .hasMessageContaining("layout");
        }
    }

    @Nested
    class ByName {

        @Test
        void areThoseOfTheCLibrary() {
            assertThat(CFunction.named("abs", EchoInt.class).echo(-5)).isEqualTo(5);
            assertThat(CFunction.named("abs", CallbackType.of(EchoInt.class)).echo(-6))
                    .isEqualTo(6);
        }

        @Test
        void areThoseOfAnyLookUp() {
            SymbolLookup library = name -> name.equals("absolute") ? Optional.of(ABS) : Optional.empty();
            assertThat(CFunction.named(library, "absolute", EchoInt.class).echo(-5))
                    .isEqualTo(5);
            assertThat(CFunction.named(library, "absolute", CallbackType.of(EchoInt.class))
                            .echo(-6))
                    .isEqualTo(6);
        }

        @Test
        void thatAreNotThereAreMissedByName() {
            assertThatThrownBy(() -> CFunction.named("sensor_start", EchoInt.class))
                    .isInstanceOf(NoSuchElementException.class)
                    .hasMessageContaining("the C library")
                    .hasMessageContaining("sensor_start")
                    .hasMessageContaining("SymbolLookup.libraryLookup");
            assertThatThrownBy(() -> CFunction.named(name -> Optional.empty(), "sensor_stop", EchoInt.class))
                    .isInstanceOf(NoSuchElementException.class)
                    .hasMessageContaining("sensor_stop");
        }
    }

    @Nested
    class WithErrno {

        interface Close {
            int close(int descriptor);
        }

        interface Rmdir {
            int rmdir(MemorySegment path);
        }

        interface Lookup {
            MemorySegment find(MemorySegment path, MemorySegment resolved);
        }

        private static final int ENOENT = 2;
        private static final int EBADF = 9;

        private final Close close =
                CFunction.named("close", CallbackType.of(Close.class).errno());

        @Test
        void itIsWhatTheLastCallLeftWhateverTheJvmDoesAfterwards() {
            Rmdir rmdir = CFunction.named("rmdir", CallbackType.of(Rmdir.class).errno());
            try (Arena arena = Arena.ofConfined()) {
                assertThat(close.close(-1)).isEqualTo(-1);
                System.gc();
                assertThat(CFunction.errno()).isEqualTo(EBADF);
                assertThat(rmdir.rmdir(arena.allocateFrom("/no such folder"))).isEqualTo(-1);
                Lookup other = CFunction.named("realpath", Lookup.class); // fails too, and does not keep it
                assertThat(other.find(arena.allocateFrom(""), MemorySegment.NULL))
                        .isEqualTo(MemorySegment.NULL);
                assertThat(CFunction.errno()).isEqualTo(ENOENT);
                assertThat(CFunction.errno()).as("read again").isEqualTo(ENOENT);
            }
        }

        @Test
        void eachThreadHasItsOwn() throws Exception {
            close.close(-1);
            Thread other = Thread.ofPlatform().start(() -> {
                assertThatThrownBy(CFunction::errno)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("this thread")
                        .hasMessageContaining(".errno()");
                CFunction.named("rmdir", CallbackType.of(Rmdir.class).errno()).rmdir(MemorySegment.NULL);
            });
            other.join();
            assertThat(CFunction.errno()).isEqualTo(EBADF);
        }

        @Test
        void aStructIsReturnedBesideIt() {
            MemorySegment echo = BareStub.of(EchoSegment.class, value -> value, Structs.ECHO_SHAPE);
            EchoSegment function = CFunction.at(
                    echo,
                    CallbackType.of(EchoSegment.class)
                            .descriptor(Structs.ECHO_SHAPE)
                            .errno());
            MemorySegment shape = Arena.ofAuto().allocate(Structs.SHAPE).fill((byte) 7);
            assertThat(function.echo(shape).toArray(ValueLayout.JAVA_BYTE))
                    .hasSize(56)
                    .containsOnly(7);
            assertThat(CFunction.errno()).isNotNegative();
        }
    }

    @Nested
    class Variadic {

        interface Format {
            int format(MemorySegment buffer, long size, MemorySegment format, int whole, double real);
        }

        interface Print {
            int print(MemorySegment text);
        }

        interface WithFloat {
            int format(MemorySegment buffer, long size, MemorySegment format, float real);
        }

        interface WithShort {
            int format(MemorySegment buffer, long size, MemorySegment format, short whole);
        }

        @Test
        void functionsAreCalledIfTheTypeSaysSo() {
            Format format =
                    CFunction.named("snprintf", CallbackType.of(Format.class).variadic(3));
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment buffer = arena.allocate(64);
                assertThat(format.format(buffer, 64, arena.allocateFrom("%d and %.2f"), 7, 2.5))
                        .isEqualTo(10);
                assertThat(buffer.getString(0)).isEqualTo("7 and 2.50");
            }
        }

        @Test
        void functionsMayBeCalledWithoutVariableArguments() {
            interface Bare {
                int format(MemorySegment buffer, long size, MemorySegment format);
            }
            Bare format =
                    CFunction.named("snprintf", CallbackType.of(Bare.class).variadic(3));
            assertThat(format.format(MemorySegment.NULL, 0, Arena.ofAuto().allocateFrom("four")))
                    .isEqualTo(4);
        }

        @Test
        void functionsOfTheCLibraryAreRefusedIfItDoesNotHoweverTheyAreGiven() {
            MemorySegment printf =
                    Linker.nativeLinker().defaultLookup().find("printf").orElseThrow();
            for (ThrowingCallable use : List.<ThrowingCallable>of(
                    () -> CFunction.at(printf, Print.class),
                    () -> CFunction.named("printf", Print.class),
                    () -> CFunction.named(name -> Optional.of(printf), "print", Print.class))) {
                assertThatThrownBy(use)
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("Print.print")
                        .hasMessageContaining("C's printf, a variadic function")
                        .hasMessageContaining(".variadic(n)");
            }
        }

        @Test
        void argumentsThatCWouldPromoteAreRefused() {
            assertThatThrownBy(() -> CallbackType.of(WithFloat.class).variadic(3))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("parameter 3 of")
                    .hasMessageContaining("float")
                    .hasMessageContaining("declare double");
            assertThatThrownBy(() -> CallbackType.of(WithShort.class).variadic(0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("short")
                    .hasMessageContaining("declare int");
        }

        @Test
        void aLaterDescriptorIsCheckedToo() {
            CallbackType<Format> type = CallbackType.of(Format.class).variadic(3);
            assertThat(type.descriptor(FunctionDescriptor.of(
                            ValueLayout.JAVA_INT,
                            ValueLayout.ADDRESS,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.ADDRESS,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_DOUBLE)))
                    .satisfies(same ->
                            assertThat(CFunction.named("snprintf", same)).isNotNull());
        }
    }
}
