package reactor.ffi;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.ffi.internal.loop.Running;

/**
 * The rooms of the house, which are its packages: what each may know, and which class of {@code reactor.ffi} is the door to
 * which room. The two tables of docs/architecture.md say the same, and are compared with those here.
 *
 * <p>Some sealed interfaces of {@code reactor.ffi}, such as {@link CallbackType} and {@link NativeSink}, name the internal
 * classes that implement them. Otherwise the rooms that need what is behind such an interface would need public accessors.
 */
class FloorPlanTest {

    private static final String API = "reactor.ffi";
    private static final String COMMON = "reactor.ffi.internal";
    private static final String LIFE = "reactor.ffi.internal.life";
    private static final String METRICS = "reactor.ffi.internal.metrics";
    private static final String RING = "reactor.ffi.internal.ring";
    private static final String UPCALL = "reactor.ffi.internal.upcall";
    private static final String LOOP = "reactor.ffi.internal.loop";
    private static final String STREAM = "reactor.ffi.internal.stream";
    private static final String CALL = "reactor.ffi.internal.call";
    private static final String SIGNAL = "reactor.ffi.internal.signal";
    private static final String METERS = "reactor.ffi.micrometer";
    private static final String SPRINGS = "reactor.ffi.spring";
    private static final String TOLD = "reactor.ffi.internal.blockhound";

    /** What a room may know, and how the table in docs/architecture.md says that. */
    private record Known(String words, DescribedPredicate<JavaClass> classes) {}

    private static final Known JDK = new Known(
            "the JDK",
            resideInAnyPackage("java..", "org.jspecify.annotations", "com.google.errorprone.annotations.concurrent"));

    private static final Known REACTOR =
            new Known("Reactor", resideInAnyPackage("reactor.core..", "reactor.util..", "org.reactivestreams"));
    private static final Known LOG = new Known("Reactor's log", resideInAPackage("reactor.util"));
    private static final Known MICROMETER = new Known("Micrometer", resideInAPackage("io.micrometer.."));
    private static final Known SPRING = new Known("Spring", resideInAPackage("org.springframework.."));
    private static final Known BLOCK_HOUND = new Known("BlockHound", resideInAPackage("reactor.blockhound.."));

    /** What each room knows besides its own classes, in the order of the table. */
    private static final Map<String, List<Known>> KNOWS = new LinkedHashMap<>();

    static {
        KNOWS.put(COMMON, List.of(JDK, LOG));
        KNOWS.put(LIFE, List.of(room(COMMON), JDK));
        KNOWS.put(METRICS, List.of(JDK));
        KNOWS.put(RING, List.of(room(COMMON), JDK, only(Records.class)));
        KNOWS.put(UPCALL, List.of(room(LIFE), room(METRICS), room(COMMON), JDK, LOG, only(CallbackType.class)));
        KNOWS.put(
                LOOP,
                List.of(
                        room(LIFE),
                        room(COMMON),
                        JDK,
                        REACTOR,
                        only(CallbackScheduler.class),
                        only(SchedulerOptions.class),
                        only(NativeCall.class),
                        only(NativeAction.class)));
        KNOWS.put(
                STREAM,
                List.of(
                        room(LOOP),
                        room(UPCALL),
                        room(RING),
                        room(LIFE),
                        room(METRICS),
                        room(COMMON),
                        JDK,
                        REACTOR,
                        room(API)));
        KNOWS.put(
                CALL,
                List.of(room(LOOP), room(UPCALL), room(LIFE), room(METRICS), room(COMMON), JDK, REACTOR, room(API)));
        KNOWS.put(SIGNAL, List.of(room(RING), JDK, LOG));
        KNOWS.put(TOLD, List.of(JDK, BLOCK_HOUND));
        KNOWS.put(
                METERS,
                List.of(
                        room(METRICS),
                        only(Running.class),
                        JDK,
                        LOG,
                        MICROMETER,
                        only(CallbackMetrics.class),
                        only(SchedulerMetrics.class),
                        only(PoolMetrics.class)));
        KNOWS.put(SPRINGS, List.of(room(METERS), JDK, REACTOR, MICROMETER, SPRING, room(API)));
    }

    /** The classes of {@code reactor.ffi} that know a room. No other class there knows one. */
    private static final Map<Class<?>, List<Known>> DOORS = new LinkedHashMap<>();

    static {
        DOORS.put(NativeFlux.class, List.of(room(STREAM), room(CALL)));
        DOORS.put(NativeCallback.class, List.of(room(CALL)));
        DOORS.put(Confined.class, List.of(room(CALL)));
        DOORS.put(NativeSignals.class, List.of(room(SIGNAL)));
        DOORS.put(CallbackType.class, List.of(room(UPCALL)));
        DOORS.put(ListenerType.class, List.of(room(STREAM)));
        DOORS.put(CFunction.class, List.of(room(UPCALL)));
        DOORS.put(CallbackScheduler.class, List.of(room(LOOP)));
        DOORS.put(CallbackMetrics.class, List.of(room(METRICS)));
        DOORS.put(SchedulerMetrics.class, List.of(room(LOOP)));
        DOORS.put(PoolMetrics.class, List.of(room(UPCALL)));
    }

    private static final JavaClasses MAIN = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("reactor.ffi");

    @TestFactory
    Stream<DynamicTest> eachRoomKnowsOnlyWhatTheTableSays() {
        return KNOWS.entrySet().stream()
                .map(row -> dynamicTest(
                        row.getKey(),
                        () -> classes()
                                .that()
                                .resideInAPackage(row.getKey())
                                .should()
                                .onlyDependOnClassesThat(in(row.getKey()).or(anyOf(row.getValue())))
                                .check(MAIN)));
    }

    /** So that no arrow stays in the table whose cause is gone. */
    @TestFactory
    Stream<DynamicTest> eachRoomKnowsAllThatTheTableSays() {
        return KNOWS.entrySet().stream()
                .flatMap(row -> row.getValue().stream()
                        .map(known -> dynamicTest(
                                row.getKey() + " -> " + known.words,
                                () -> assertThat(dependencies(in(row.getKey()))).anyMatch(known.classes))));
    }

    @Test
    void noPackageIsMissingInTheTable() {
        assertThat(MAIN.stream().map(JavaClass::getPackageName).distinct())
                .containsExactlyInAnyOrderElementsOf(
                        Stream.concat(Stream.of(API), KNOWS.keySet().stream()).toList());
    }

    @TestFactory
    Stream<DynamicTest> eachDoorLeadsToItsRoomsOnly() {
        return DOORS.entrySet().stream()
                .map(row -> dynamicTest(
                        row.getKey().getSimpleName(),
                        () -> assertThat(roomsKnownTo(only(row.getKey()).classes))
                                .containsExactlyInAnyOrderElementsOf(words(row.getValue()))));
    }

    @Test
    void noOtherClassOfTheApiKnowsARoom() {
        DescribedPredicate<JavaClass> doors =
                anyOf(DOORS.keySet().stream().map(FloorPlanTest::only).toList());
        assertThat(roomsKnownTo(in(API).and(not(doors)))).isEmpty();
    }

    /** The classes that only make something: what an internal class needs of them is below them. */
    @Test
    void nothingInternalKnowsTheEntryClasses() {
        noClasses()
                .that()
                .resideInAPackage("reactor.ffi.internal..")
                .should()
                .dependOnClassesThat(anyOf(List.of(
                        only(NativeFlux.class),
                        only(NativeSignals.class),
                        only(CFunction.class),
                        only(NativeMemory.class),
                        only(CallbackMetrics.class),
                        only(SchedulerMetrics.class),
                        only(PoolMetrics.class))))
                .check(MAIN);
    }

    /** So that the rest runs without the optional dependencies. Spring's package makes the bean of the meters. */
    @Test
    void whatIsOptionalIsKnownInOnePackageThatNobodyKnows() {
        onlyThesePackagesKnow(in(METERS).or(MICROMETER.classes), METERS, SPRINGS);
        onlyThesePackagesKnow(in(SPRINGS).or(SPRING.classes), SPRINGS);
        onlyThesePackagesKnow(in(TOLD).or(BLOCK_HOUND.classes), TOLD);
    }

    private static void onlyThesePackagesKnow(DescribedPredicate<JavaClass> optional, String... packages) {
        noClasses()
                .that()
                .resideOutsideOfPackages(packages)
                .should()
                .dependOnClassesThat(optional)
                .check(MAIN);
    }

    @Test
    void theTableOfPackagesInTheDocumentIsThisOne() throws IOException {
        List<String> rows = new ArrayList<>();
        KNOWS.forEach((room, knows) -> rows.add(room + " | " + String.join(", ", words(knows))));
        assertThat(rows("`(reactor\\.ffi\\.[a-z.]+)` \\| [^|]+ \\| ([^|]+)")).containsExactlyElementsOf(rows);
    }

    @Test
    void theTableOfDoorsInTheDocumentIsThisOne() throws IOException {
        List<String> rows = new ArrayList<>();
        DOORS.forEach((door, rooms) -> rows.add(door.getName() + " | " + String.join(", ", words(rooms))));
        assertThat(rows("`(reactor\\.ffi\\.[A-Z]\\w+)` \\| ((?:`[a-z]+`(?:, )?)+)"))
                .containsExactlyElementsOf(rows);
    }

    /** The rows of a table in the document, without the columns that are prose. */
    private static List<String> rows(String columns) throws IOException {
        return Pattern.compile("^\\| " + columns + " \\|$", Pattern.MULTILINE)
                .matcher(Files.readString(Path.of("../docs/architecture.md")))
                .results()
                .map(row -> row.group(1) + " | " + row.group(2))
                .toList();
    }

    @Test
    void roomsHaveNoCycles() {
        slices().matching("reactor.ffi.internal.(*)..")
                .should()
                .beFreeOfCycles()
                .check(MAIN);
    }

    /** Each class of a knot can only be understood with all the others. Whoever unties one lowers its number here. */
    @ParameterizedTest
    @CsvSource({
        COMMON + ", 1",
        LIFE + ", 1",
        METRICS + ", 1",
        RING + ", 5",
        UPCALL + ", 4",
        LOOP + ", 4",
        STREAM + ", 5",
        CALL + ", 2",
        SIGNAL + ", 1",
        METERS + ", 2",
        TOLD + ", 1"
    })
    void noRoomHasALargerKnotThanThis(String room, int most) {
        assertThat(Knots.largest(MAIN, room))
                .as("classes of %s that all know each other", room)
                .hasSizeBetween(1, most);
    }

    @Test
    void noRoomIsExported() throws IOException, URISyntaxException {
        Path classes = Path.of(NativeFlux.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        try (InputStream descriptor = Files.newInputStream(classes.resolve("module-info.class"))) {
            ModuleDescriptor module = ModuleDescriptor.read(descriptor);
            assertThat(module.exports())
                    .extracting(ModuleDescriptor.Exports::source)
                    .containsExactlyInAnyOrder("reactor.ffi", METERS, SPRINGS);
            assertThat(module.opens()).isEmpty();
        }
    }

    private static Stream<JavaClass> dependencies(DescribedPredicate<JavaClass> of) {
        return MAIN.that(of).stream()
                .flatMap(each -> each.getDirectDependenciesFromSelf().stream())
                .map(Dependency::getTargetClass);
    }

    private static List<String> roomsKnownTo(DescribedPredicate<JavaClass> classes) {
        return dependencies(classes)
                .map(each -> each.getBaseComponentType().getPackageName())
                .filter(each -> each.startsWith(COMMON))
                .distinct()
                .map(each -> room(each).words)
                .toList();
    }

    private static List<String> words(List<Known> known) {
        return known.stream().map(Known::words).toList();
    }

    private static Known room(String name) {
        return new Known(
                name.equals(API) || name.equals(COMMON)
                        ? "`" + name + "`"
                        : "`" + name.substring(name.lastIndexOf('.') + 1) + "`",
                in(name));
    }

    private static Known only(Class<?> type) {
        return new Known("`" + type.getSimpleName() + "`", new DescribedPredicate<>(type.getSimpleName()) {
            @Override
            public boolean test(JavaClass other) {
                // Nested classes and arrays are those of their top-level class.
                String name = other.getBaseComponentType().getName();
                return name.equals(type.getName()) || name.startsWith(type.getName() + "$");
            }
        });
    }

    /** Exactly this package. */
    private static DescribedPredicate<JavaClass> in(String room) {
        return resideInAPackage(room);
    }

    private static DescribedPredicate<JavaClass> anyOf(List<Known> known) {
        return DescribedPredicate.or(known.stream().map(Known::classes).toList());
    }
}
