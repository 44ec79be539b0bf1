package reactor.ffi.internal.upcall;

import static java.lang.foreign.MemoryLayout.sequenceLayout;
import static java.lang.foreign.MemoryLayout.structLayout;
import static java.lang.foreign.MemoryLayout.unionLayout;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_CHAR;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.ffi.CFunction;
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
import reactor.ffi.fixture.Callbacks.OnEventPointer;
import reactor.ffi.fixture.Callbacks.OnMixed;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.Callbacks.OnText;
import reactor.ffi.fixture.Memory;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.Values;

class SignatureTest {

    private final TestCallee callee = new TestCallee();

    private static FunctionDescriptor descriptor(Class<?> type) {
        return Signature.of(type).descriptor();
    }

    @Nested
    class TheMethod {

        @Test
        void saysTheLayoutOfEachParameter() {
            assertThat(descriptor(OnMixed.class))
                    .isEqualTo(FunctionDescriptor.of(
                            JAVA_DOUBLE,
                            JAVA_BYTE,
                            JAVA_DOUBLE,
                            JAVA_SHORT,
                            JAVA_FLOAT,
                            JAVA_INT,
                            JAVA_DOUBLE,
                            JAVA_LONG,
                            JAVA_FLOAT,
                            JAVA_CHAR,
                            JAVA_DOUBLE,
                            JAVA_BOOLEAN,
                            JAVA_FLOAT,
                            ADDRESS,
                            JAVA_DOUBLE,
                            JAVA_LONG,
                            JAVA_FLOAT,
                            JAVA_BYTE,
                            JAVA_DOUBLE));
        }

        @ParameterizedTest
        @MethodSource("reactor.ffi.internal.upcall.SignatureTest#results")
        void saysTheLayoutOfTheResult(Class<?> type, MemoryLayout layout) {
            assertThat(descriptor(type)).isEqualTo(FunctionDescriptor.of(layout, layout));
        }

        @Test
        void mayHaveNeitherParametersNorResult() {
            assertThat(descriptor(Runnable.class)).isEqualTo(FunctionDescriptor.ofVoid());
        }

        @Test
        void mayBeInheritedOrRedeclaredOrStandBesideDefaultsAndThoseOfObject() {
            assertThat(descriptor(Inherits.class)).isEqualTo(FunctionDescriptor.ofVoid(JAVA_INT));
            assertThat(descriptor(InheritsTwice.class)).isEqualTo(FunctionDescriptor.ofVoid(JAVA_INT));
            assertThat(descriptor(Redeclares.class)).isEqualTo(FunctionDescriptor.ofVoid(JAVA_INT));
            assertThat(descriptor(Specialises.class)).isEqualTo(FunctionDescriptor.ofVoid(ADDRESS));
        }

        @Test
        void isOneAndOverloadsAreTwo() {
            assertThatThrownBy(() -> CallbackType.of(InheritsOverloads.class))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("SignatureTest$InheritsOverloads has 2 abstract methods");
        }

        @Test
        void isAnalysedOnce() {
            assertThat(CallbackType.of(OnEvent.class)).isSameAs(CallbackType.of(OnEvent.class));
            CallbackType<Jextracted.Function> type = CallbackType.of(Jextracted.Function.class);
            assertThat(CallbackType.of(Jextracted.Function.class)).isSameAs(type);
            Signature<Jextracted.Function> changed = (Signature<Jextracted.Function>) type.handles();
            assertThat(changed).isNotSameAs(type);
            assertThat(changed.invoker()).isSameAs(changed.invoker());
            assertThat(changed.neutralDescriptor()).isSameAs(changed.neutralDescriptor());
            assertThat(Jextracted.asked).isEqualTo(1);
        }

        @Test
        void isCalledByOneHandleHoweverOftenTheTypeIsMade() {
            assertThat(invoker(CallbackType.of(OnEventPointer.class).userData(2)))
                    .isSameAs(invoker(CallbackType.of(OnEventPointer.class).userData(2)))
                    .isSameAs(invoker(CallbackType.of(OnEventPointer.class).handles(2)))
                    .isNotSameAs(invoker(CallbackType.of(OnEventPointer.class)));
        }

        private static MethodHandle invoker(CallbackType<?> type) {
            return ((Signature<?>) type).invoker();
        }

        @Test
        void isNamedByToString() {
            assertThat(CallbackType.of(EchoInt.class))
                    .hasToString("CallbackType[" + EchoInt.class.getTypeName() + ".echo, (i4)i4]");
        }
    }

    static Stream<org.junit.jupiter.params.provider.Arguments> results() {
        return Stream.of(
                arguments(EchoBoolean.class, JAVA_BOOLEAN),
                arguments(EchoByte.class, JAVA_BYTE),
                arguments(EchoShort.class, JAVA_SHORT),
                arguments(EchoChar.class, JAVA_CHAR),
                arguments(EchoInt.class, JAVA_INT),
                arguments(EchoLong.class, JAVA_LONG),
                arguments(EchoFloat.class, JAVA_FLOAT),
                arguments(EchoDouble.class, JAVA_DOUBLE),
                arguments(EchoSegment.class, ADDRESS));
    }

    interface Inherits extends IntConsumer {}

    interface Accepts {
        void accept(int value);
    }

    interface InheritsTwice extends IntConsumer, Accepts {}

    interface AcceptsLong {
        void accept(long value);
    }

    interface InheritsOverloads extends Accepts, AcceptsLong {}

    interface Redeclares extends IntConsumer {
        @Override
        void accept(int value);

        @Override
        boolean equals(Object other);

        @Override
        String toString();

        default void twice(int value) {
            accept(value);
            accept(value);
        }
    }

    interface Generic<T> {
        void on(T value);
    }

    interface Specialises extends Generic<MemorySegment> {
        @Override
        void on(MemorySegment value);
    }

    /** As jextract generates it for {@code typedef struct small (*jextracted)(struct small)}. */
    static final class Jextracted {

        static int asked;

        public interface Function {
            MemorySegment apply(MemorySegment value);
        }

        private static final FunctionDescriptor $DESC = Structs.ECHO_SMALL;

        public static FunctionDescriptor descriptor() {
            asked++;
            return $DESC;
        }
    }

    /** As above; the class around is private, and so is the method. */
    @SuppressWarnings("unused") // by reflection
    private static final class Hidden {
        interface Function {
            int apply(MemorySegment value);
        }

        private static FunctionDescriptor descriptor() {
            return FunctionDescriptor.of(JAVA_INT, Structs.SMALL);
        }
    }

    @SuppressWarnings("DoNotCallSuggester")
    static final class NotStatic {
        interface Function {
            int apply(int value);
        }

        FunctionDescriptor descriptor() {
            throw new AssertionError("not the generated one");
        }
    }

    @SuppressWarnings("DoNotCallSuggester")
    static final class Throwing {
        interface Function {
            int apply(int value);
        }

        static FunctionDescriptor descriptor() {
            throw new IllegalStateException("generated wrong");
        }
    }

    static final class Other {
        interface Function {
            int apply(int value);
        }

        static FunctionDescriptor descriptor() {
            return FunctionDescriptor.ofVoid(JAVA_LONG);
        }
    }

    @Nested
    class TheGeneratedDescriptor {

        @Test
        void isFoundBesideTheInterface() {
            assertThat(descriptor(Jextracted.Function.class)).isEqualTo(Structs.ECHO_SMALL);
            assertThat(descriptor(Hidden.Function.class)).isEqualTo(FunctionDescriptor.of(JAVA_INT, Structs.SMALL));
            assertThat(Values.checkSmall(callee.pointer(Jextracted.Function.class, value -> value), true))
                    .isZero();
        }

        @Test
        void isOnlyWhatJextractGenerates() {
            assertThat(descriptor(NotStatic.Function.class)).isEqualTo(FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        }

        @Test
        void thatDisagreesOrThrowsIsNamed() {
            assertThatThrownBy(() -> CallbackType.of(Throwing.Function.class))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("SignatureTest$Throwing.descriptor()")
                    .hasMessageContaining("SignatureTest$Throwing$Function")
                    .hasRootCauseMessage("generated wrong");
            assertThatThrownBy(() -> CallbackType.of(Other.Function.class))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("SignatureTest$Other$Function.apply")
                    .hasMessageContaining("parameter 0");
        }

        @Test
        void givesWayToAnExplicitOne() {
            Signature<Jextracted.Function> type = (Signature<Jextracted.Function>)
                    CallbackType.of(Jextracted.Function.class).descriptor(Structs.ECHO_LINE);
            assertThat(type.descriptor()).isEqualTo(Structs.ECHO_LINE);
            assertThat(((Signature<?>) type.lookup(MethodHandles.lookup())).descriptor())
                    .isEqualTo(Structs.ECHO_LINE);
        }
    }

    @Nested
    class AnExplicitDescriptor {

        @Test
        void maySayCsLong() {
            MemoryLayout cLong = Linker.nativeLinker().canonicalLayouts().get("long");
            CallbackType<?> type = cLong.byteSize() == 8
                    ? CallbackType.of(EchoLong.class).descriptor(FunctionDescriptor.of(cLong, cLong))
                    : CallbackType.of(EchoInt.class).descriptor(FunctionDescriptor.of(cLong, cLong));
            assertThat(((Signature<?>) type).descriptor()).isEqualTo(FunctionDescriptor.of(cLong, cLong));
        }

        static Stream<GroupLayout> structsOfNoBytes() {
            return Stream.of(
                    structLayout(),
                    unionLayout(),
                    structLayout(structLayout(), unionLayout()),
                    unionLayout(structLayout()),
                    structLayout(sequenceLayout(0, JAVA_INT)),
                    unionLayout(sequenceLayout(3, structLayout())));
        }

        @ParameterizedTest
        @MethodSource("structsOfNoBytes")
        void ofAStructOfNoBytesIsRefused(GroupLayout nothing) {
            for (FunctionDescriptor descriptor :
                    List.of(FunctionDescriptor.of(ADDRESS, nothing), FunctionDescriptor.of(nothing, ADDRESS))) {
                assertThatThrownBy(() -> CallbackType.of(EchoSegment.class).descriptor(descriptor))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("EchoSegment.echo is a struct or union of no bytes")
                        .hasMessageContaining("leave it out");
            }
        }

        @Test
        void ofAnArrayWithoutLengthBehindMembersIsNot() {
            StructLayout flexible = structLayout(JAVA_LONG, sequenceLayout(0, JAVA_LONG));
            CallbackType<OnPointer> type =
                    CallbackType.of(OnPointer.class).descriptor(FunctionDescriptor.ofVoid(flexible));
            long[] seen = new long[1];
            MemorySegment pointer = callee.pointer(type, value -> seen[0] = value.get(JAVA_LONG, 0));
            Memory.pointer(pointer, MemorySegment.ofAddress(4711), false);
            assertThat(seen).containsExactly(4711);
        }

        @Test
        void ofMoreWordsThanAMethodHasSlotsForIsRefusedWithThatReason() {
            CallbackType<OnPointer> fits = CallbackType.of(OnPointer.class).descriptor(onBytes(1008));
            callee.pointer(fits, value -> {});
            CallbackType<OnPointer> tooLarge = CallbackType.of(OnPointer.class).descriptor(onBytes(1024));
            for (Executable use : List.<Executable>of(
                    () -> callee.pointer(tooLarge, value -> {}),
                    () -> CFunction.at(MemorySegment.ofAddress(4711), tooLarge))) {
                assertThatThrownBy(use::execute)
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("OnPointer.onPointer")
                        .hasMessageContaining("are too large")
                        .hasMessageContaining("255 slots, the JDK itself needs some, and these parameters take 256")
                        .hasMessageContaining("pass a pointer to the struct")
                        .hasMessageNotContaining("platform");
            }
        }

        private static FunctionDescriptor onBytes(long size) {
            return FunctionDescriptor.ofVoid(structLayout(sequenceLayout(size, JAVA_BYTE)));
        }

        @Test
        void maySayStructsAndTargetsAndDropsNothingElse() {
            CallbackType<OnText> type = CallbackType.of(OnText.class).handles(0);
            FunctionDescriptor exact = FunctionDescriptor.ofVoid(
                    ADDRESS.withTargetLayout(Structs.PACKET).withName("p"), JAVA_LONG);
            Signature<OnText> changed =
                    (Signature<OnText>) type.descriptor(exact).lookup(MethodHandles.lookup());
            assertThat(changed.descriptor()).isEqualTo(exact);
            assertThat(changed.neutralDescriptor()).isEqualTo(FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG));
            List<MemorySegment> seen = new ArrayList<>();
            Memory.buffer(callee.pointer(changed, (text, length) -> seen.add(text)), 8, false);
            assertThat(seen)
                    .singleElement()
                    .satisfies(s -> assertThat(s.scope().isAlive()).isTrue());
        }

        @Test
        void leavesTheConstantAsItWas() {
            CallbackType<EchoSegment> plain = CallbackType.of(EchoSegment.class);
            assertThat(plain.descriptor(Structs.ECHO_LINE)).isNotSameAs(plain);
            assertThat(plain.handles(0)).isNotSameAs(plain);
            assertThat(plain.lookup(MethodHandles.lookup())).isNotSameAs(plain);
            assertThat(descriptor(EchoSegment.class)).isEqualTo(FunctionDescriptor.of(ADDRESS, ADDRESS));
        }
    }
}
