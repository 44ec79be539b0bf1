package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import java.util.function.IntUnaryOperator;
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
import reactor.ffi.internal.upcall.CallCounters;
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
                private final CallCounters counters = new CallCounters("test");

                @Override
                public void handlerFailed(Throwable thrown) {
                    throw new AssertionError(thrown);
                }

                @Override
                public Consumer<? super Throwable> fallbackErrors() {
                    return thrown -> {};
                }

                @Override
                public CallCounters counters() {
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
}
