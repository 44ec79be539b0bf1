package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.module.Configuration;
import java.lang.module.ModuleFinder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackType;
import reactor.ffi.fixture.Callbacks.EchoInt;
import reactor.ffi.fixture.Values;

class SignatureAccessTest {

    private final TestCallee callee = new TestCallee();

    private static FunctionDescriptor descriptor(Class<?> type) {
        return Signature.of(type).descriptor();
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
                    .hasMessageContaining("SignatureAccessTest$Private.apply")
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
            module = boot.defineModulesWithOneLoader(configuration, SignatureAccessTest.class.getClassLoader())
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
}
