package reactor.ffi.internal.upcall;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.lang.foreign.FunctionDescriptor;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.ffi.CallbackType;
import reactor.ffi.fixture.Callbacks.EchoInt;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.Callbacks.OnText;
import reactor.ffi.fixture.Structs;

class SignatureBadInputTest {

    @ParameterizedTest(name = "{0}")
    @MethodSource("bad")
    void badInputIsRefusedWithTheInterfaceTheParameterAndTheRemedy(
            String what, Class<? extends Throwable> type, Executable act, List<String> words) {
        assertThatThrownBy(act::execute)
                .isInstanceOf(type)
                .satisfies(e -> assertThat(e.getMessage()).contains(words.toArray(String[]::new)));
    }

    interface TwoMethods {
        void one();

        void two();
    }

    interface NoMethod {
        default void only() {}
    }

    interface GenericMethod {
        <T> void on(T value);
    }

    interface TakesString {
        void on(int length, String value);
    }

    interface TakesInteger {
        void on(Integer value);
    }

    interface TakesArray {
        void on(byte[] value);
    }

    interface ReturnsString {
        String on(int value);
    }

    @interface Annotation {
        int value();
    }

    static Stream<org.junit.jupiter.params.provider.Arguments> bad() {
        return Stream.of(
                refused(
                        "a class",
                        () -> CallbackType.of(String.class),
                        "java.lang.String is not an interface",
                        "declare"),
                refused("a primitive", () -> CallbackType.of(int.class), "int is not an interface", "declare"),
                refused("an array", () -> CallbackType.of(OnEvent[].class), "OnEvent[] is not an interface", "declare"),
                refused("an annotation", () -> CallbackType.of(Annotation.class), "Annotation is not an interface"),
                refused(
                        "two methods",
                        () -> CallbackType.of(TwoMethods.class),
                        "TwoMethods has 2 abstract methods",
                        "exactly one"),
                refused(
                        "no method",
                        () -> CallbackType.of(NoMethod.class),
                        "NoMethod has 0 abstract methods",
                        "exactly one"),
                refused(
                        "a generic interface",
                        () -> CallbackType.of(IntFunction.class),
                        "java.util.function.IntFunction is generic",
                        "plain types"),
                refused(
                        "a generic method",
                        () -> CallbackType.of(GenericMethod.class),
                        "GenericMethod.on is a generic method",
                        "plain types"),
                refused(
                        "a String",
                        () -> CallbackType.of(TakesString.class),
                        "parameter 1 of",
                        "TakesString.on is java.lang.String",
                        "MemorySegment for a pointer"),
                refused(
                        "a boxed number",
                        () -> CallbackType.of(TakesInteger.class),
                        "parameter 0 of",
                        "TakesInteger.on is java.lang.Integer",
                        "use a primitive type"),
                refused(
                        "an array parameter",
                        () -> CallbackType.of(TakesArray.class),
                        "parameter 0 of",
                        "TakesArray.on is byte[]",
                        "MemorySegment for a pointer"),
                refused(
                        "a String result",
                        () -> CallbackType.of(ReturnsString.class),
                        "the result of",
                        "ReturnsString.on is java.lang.String",
                        "MemorySegment for a pointer"),
                refused(
                        "the wrong carrier",
                        () -> CallbackType.of(OnText.class).descriptor(FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT)),
                        "parameter 1 of",
                        "OnText.onText is long",
                        "carried by int",
                        "change one of the two"),
                refused(
                        "too few parameters",
                        () -> CallbackType.of(OnText.class).descriptor(FunctionDescriptor.ofVoid(ADDRESS)),
                        "OnText.onText",
                        "has 1 parameters, the method has 2",
                        "make them agree"),
                refused(
                        "another result",
                        () -> CallbackType.of(EchoInt.class).descriptor(FunctionDescriptor.of(JAVA_LONG, JAVA_INT)),
                        "the result of",
                        "EchoInt.echo is int",
                        "carried by long",
                        "change one of the two"),
                refused(
                        "no result",
                        () -> CallbackType.of(EchoInt.class).descriptor(FunctionDescriptor.ofVoid(JAVA_INT)),
                        "the result of",
                        "EchoInt.echo is int",
                        "carried by void"),
                refused(
                        "a negative handle",
                        () -> CallbackType.of(OnText.class).handles(-1),
                        "parameter -1 of",
                        "OnText.onText is not a pointer",
                        "count from 0"),
                refused(
                        "a handle beyond the parameters",
                        () -> CallbackType.of(OnText.class).handles(0, 2),
                        "parameter 2 of",
                        "OnText.onText is not a pointer"),
                refused(
                        "a handle beyond the bits",
                        () -> CallbackType.of(OnText.class).handles(64),
                        "parameter 64 of",
                        "OnText.onText is not a pointer"),
                refused(
                        "a number as a handle",
                        () -> CallbackType.of(OnText.class).handles(1),
                        "parameter 1 of",
                        "OnText.onText is not a pointer"),
                refused(
                        "a handle that becomes a struct",
                        () -> CallbackType.of(OnPointer.class)
                                .handles(0)
                                .descriptor(FunctionDescriptor.ofVoid(Structs.SMALL)),
                        "parameter 0 of",
                        "OnPointer.onPointer is not a pointer"),
                missing("no interface", () -> CallbackType.of(null), "type"),
                missing("no descriptor", () -> CallbackType.of(EchoInt.class).descriptor(null), "descriptor"),
                missing("no lookup", () -> CallbackType.of(EchoInt.class).lookup(null), "lookup"),
                missing("no handles", () -> CallbackType.of(EchoInt.class).handles((int[]) null), "parameters"),
                missing("no handler", () -> new TestCallee().open(EchoInt.class, null), "handler"));
    }

    private static org.junit.jupiter.params.provider.Arguments refused(String what, Executable act, String... words) {
        return arguments(what, IllegalArgumentException.class, act, List.of(words));
    }

    private static org.junit.jupiter.params.provider.Arguments missing(String what, Executable act, String word) {
        return arguments(what, NullPointerException.class, act, List.of(word));
    }
}
