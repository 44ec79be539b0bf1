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

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandles;
import java.lang.module.Configuration;
import java.lang.module.ModuleFinder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
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

    interface PackagePrivate {
        int apply(int value);
    }

    @SuppressWarnings("unused") // its method, by a handle
    private interface Private {
        int apply(int value);
    }

    @Nested
    class OnTheClassPath {

        @Test
        void anInterfaceNeedNotBePublic() {
            @SuppressWarnings("unused") // as above
            interface Local {
                int apply(int value);
            }
            assertThat(Values.askInt(callee.pointer(PackagePrivate.class, value -> value + 1), 1, true))
                    .isEqualTo(2);
            assertThat(Values.askInt(callee.pointer(Private.class, value -> value + 1), 1, true))
                    .isEqualTo(2);
            assertThat(Values.askInt(callee.pointer(Local.class, value -> value + 1), 1, true))
                    .isEqualTo(2);
        }

        @Test
        void aLookupThatIsGivenIsUsed() {
            CallbackType<Private> mine = CallbackType.of(Private.class).lookup(MethodHandles.lookup());
            assertThat(Values.askInt(callee.pointer(mine, value -> value + 1), 1, true))
                    .isEqualTo(2);
            CallbackType<Private> blind = CallbackType.of(Private.class).lookup(MethodHandles.publicLookup());
            assertThatThrownBy(() -> callee.pointer(blind, value -> value))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("SignatureTest$Private.apply")
                    .hasMessageContaining("the lookup that was given has no access")
                    .hasMessageContaining("MethodHandles.lookup() in its package");
        }
    }

    @Nested
    @TestInstance(TestInstance.Lifecycle.PER_CLASS)
    class InANamedModule {

        private ClassLoader module;

        @BeforeAll
        void build(@TempDir Path folder) throws IOException {
            write(folder, "module-info.java", "module user { exports shown; opens opened; }");
            for (String name : List.of("shown", "opened", "hidden")) {
                write(
                        folder,
                        name + "/On.java",
                        "package " + name + "; public interface On { int on(int value); default int twice(int value) {"
                                + " return on(on(value)); } }");
                write(
                        folder,
                        name + "/Generated.java",
                        "package " + name + "; import java.lang.foreign.*; public class Generated {"
                                + " public interface Function { MemorySegment apply(MemorySegment small); }"
                                + " public static FunctionDescriptor descriptor() {"
                                + " var small = MemoryLayout.structLayout(ValueLayout.JAVA_INT, ValueLayout.JAVA_FLOAT,"
                                + " ValueLayout.JAVA_DOUBLE); return FunctionDescriptor.of(small, small); } }");
            }
            write(
                    folder,
                    "hidden/Mismatched.java",
                    "package hidden; import java.lang.foreign.*; public class Mismatched {"
                            + " public interface Function { int apply(int value); }"
                            + " public static FunctionDescriptor descriptor() {"
                            + " return FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG); } }");
            write(
                    folder,
                    "shown/Access.java",
                    "package shown; public class Access {"
                            + " public static java.lang.invoke.MethodHandles.Lookup lookup() { return"
                            + " java.lang.invoke.MethodHandles.lookup(); }"
                            + " public static Object hidden() { hidden.On on = value -> value + 3; return on; }"
                            + " public static Object generated() { hidden.Generated.Function f = small -> small; return f; }"
                            + " public static Object opened() { opened.On on = value -> value + 2; return on; }"
                            + " public static Object shown() { shown.On on = value -> value + 1; return on; } }");
            Path classes = folder.resolve("classes");
            List<String> arguments = new ArrayList<>(List.of("-d", classes.toString()));
            try (Stream<Path> files = Files.walk(folder)) {
                files.map(Path::toString).filter(f -> f.endsWith(".java")).forEach(arguments::add);
            }
            int failed = ToolProvider.findFirst("javac")
                    .orElseThrow()
                    .run(System.out, System.err, arguments.toArray(String[]::new));
            assertThat(failed).isZero();
            ModuleLayer boot = ModuleLayer.boot();
            Configuration configuration =
                    boot.configuration().resolve(ModuleFinder.of(classes), ModuleFinder.of(), Set.of("user"));
            module = boot.defineModulesWithOneLoader(configuration, SignatureTest.class.getClassLoader())
                    .findLoader("user");
            // While the folder is there.
            for (String name : List.of("shown", "opened", "hidden")) {
                load(name + ".On");
                load(name + ".Generated");
                load(name + ".Generated$Function");
            }
            load("hidden.Mismatched");
            load("hidden.Mismatched$Function");
            handler("hidden");
        }

        private static void write(Path folder, String file, String source) throws IOException {
            Path path = folder.resolve(file);
            Files.createDirectories(path.getParent());
            Files.writeString(path, source);
        }

        private Class<?> load(String name) {
            try {
                return module.loadClass(name);
            } catch (ClassNotFoundException e) {
                throw new AssertionError(e);
            }
        }

        private Object handler(String name) {
            try {
                return load("shown.Access").getMethod(name).invoke(null);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError(e.getMessage(), e);
            }
        }

        private MethodHandles.Lookup lookup() {
            return (MethodHandles.Lookup) handler("lookup");
        }

        @SuppressWarnings("unchecked")
        private int call(CallbackType<?> type, Object handler) {
            MemorySegment pointer = callee.pointer((CallbackType<Object>) type, handler);
            return CFunction.at(pointer, EchoInt.class).echo(10);
        }

        @Test
        void aPublicInterfaceOfAnExportedPackageIsAccepted() {
            assertThat(call(CallbackType.of(load("shown.On")), handler("shown")))
                    .isEqualTo(11);
        }

        @Test
        void soIsOneOfAnOpenedPackage() {
            assertThat(call(CallbackType.of(load("opened.On")), handler("opened")))
                    .isEqualTo(12);
        }

        @Test
        void anyOtherIsRefusedWithTheRemedies() {
            CallbackType<?> type = CallbackType.of(load("hidden.On"));
            assertThatThrownBy(() -> call(type, handler("hidden")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("hidden.On.on cannot be called from here")
                    .hasMessageContaining("exported package")
                    .hasMessageContaining("open the package to reactor.ffi")
                    .hasMessageContaining(".lookup(MethodHandles.lookup())");
        }

        @Test
        void orAcceptedWithALookup() {
            assertThat(call(CallbackType.of(load("hidden.On")).lookup(lookup()), handler("hidden")))
                    .isEqualTo(13);
        }

        @Test
        void aGeneratedDescriptorThatOnlyALookupShowsIsCheckedToo() {
            CallbackType<?> blind = CallbackType.of(load("hidden.Mismatched$Function"));
            assertThatThrownBy(() -> blind.lookup(lookup()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("hidden.Mismatched$Function.apply");
        }

        @Test
        void theGeneratedDescriptorIsSeenWithALookupAtTheLatest() {
            assertThat(descriptor(load("shown.Generated$Function"))
                            .argumentLayouts()
                            .get(0)
                            .byteSize())
                    .isEqualTo(16);
            assertThat(descriptor(load("opened.Generated$Function"))
                            .argumentLayouts()
                            .get(0)
                            .byteSize())
                    .isEqualTo(16);
            CallbackType<?> type = CallbackType.of(load("hidden.Generated$Function"));
            Signature<?> seen = (Signature<?>) type.lookup(lookup());
            assertThat(seen.descriptor().argumentLayouts().get(0).byteSize()).isEqualTo(16);
            @SuppressWarnings("unchecked")
            MemorySegment pointer = callee.pointer((CallbackType<Object>) (CallbackType<?>) seen, handler("generated"));
            assertThat(Values.checkSmall(pointer, true)).isZero();
        }

        @Test
        void aHandleThatTurnsOutToBeAStructIsRefused() {
            CallbackType<?> type =
                    CallbackType.of(load("hidden.Generated$Function")).handles(0);
            assertThatThrownBy(() -> type.lookup(lookup()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("parameter 0")
                    .hasMessageContaining("not a pointer");
        }

        @Test
        @SuppressWarnings("unchecked")
        void aFunctionPointerIsCallableThroughAnyOfThem() throws ReflectiveOperationException {
            MemorySegment abs =
                    Linker.nativeLinker().defaultLookup().find("abs").orElseThrow();
            Class<Object> shown = (Class<Object>) load("shown.On");
            Object function = CFunction.at(abs, shown);
            assertThat(shown.getMethod("twice", int.class).invoke(function, -3)).isEqualTo(3);
            CallbackType<Object> hidden =
                    CallbackType.of((Class<Object>) load("hidden.On")).lookup(lookup());
            Object other = CFunction.at(abs, hidden);
            assertThat(other).isInstanceOf(load("hidden.On"));
        }
    }

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
