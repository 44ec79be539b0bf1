package reactor.ffi;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
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
import java.util.List;
import org.junit.jupiter.api.Test;
import reactor.ffi.internal.loop.Running;
import reactor.ffi.internal.metrics.Names;
import reactor.ffi.internal.metrics.SourceCounters;

/**
 * The arrows of docs/architecture.md: each room knows only the next ones, and only the entry classes know rooms.
 *
 * <p>Two of the entry classes are known by the rooms that they know: {@link CallbackType} and {@link CallbackScheduler} are
 * sealed interfaces, each with one implementation, which is internal. Were they not, those who need what is behind them would
 * need public accessors. And {@link CallbackMetrics} is a value that the stream's room fills.
 */
class FloorPlanTest {

    private static final String COMMON = "reactor.ffi.internal";
    private static final String LIFE = "reactor.ffi.internal.life";
    private static final String UPCALL = "reactor.ffi.internal.upcall";
    private static final String LOOP = "reactor.ffi.internal.loop";
    private static final String STREAM = "reactor.ffi.internal.stream";
    private static final String CALL = "reactor.ffi.internal.call";
    private static final String SIGNAL = "reactor.ffi.internal.signal";
    private static final String METERS = "reactor.ffi.micrometer";
    private static final String TOLD = "reactor.ffi.internal.blockhound";

    /** With the annotations that only compilers read. */
    private static final DescribedPredicate<JavaClass> JDK =
            resideInAnyPackage("java..", "org.jspecify.annotations", "com.google.errorprone.annotations.concurrent");

    private static final DescribedPredicate<JavaClass> REACTOR =
            resideInAnyPackage("reactor.core..", "reactor.util..", "org.reactivestreams");
    private static final DescribedPredicate<JavaClass> MICROMETER = resideInAPackage("io.micrometer..");
    private static final DescribedPredicate<JavaClass> BLOCK_HOUND = resideInAPackage("reactor.blockhound..");

    private static final JavaClasses MAIN = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("reactor.ffi");

    @Test
    void whatAllRoomsMayKnowKnowsOnlyTheJdkAndALog() {
        classes()
                .that()
                .resideInAPackage(COMMON)
                .should()
                .onlyDependOnClassesThat(in(COMMON).or(JDK).or(resideInAPackage("reactor.util")))
                .check(MAIN);
    }

    @Test
    void lifeKnowsOnlyTheJdk() {
        classes()
                .that()
                .resideInAPackage(LIFE)
                .should()
                .onlyDependOnClassesThat(in(LIFE).or(in(COMMON)).or(JDK))
                .check(MAIN);
    }

    @Test
    void upcallKnowsOnlyLifeAndTheJdk() {
        classes()
                .that()
                .resideInAPackage(UPCALL)
                .should()
                .onlyDependOnClassesThat(
                        in(UPCALL).or(in(LIFE)).or(in(COMMON)).or(JDK).or(anyOf(CallbackType.class)))
                .check(MAIN);
    }

    @Test
    void loopKnowsOnlyLifeAndReactor() {
        classes()
                .that()
                .resideInAPackage(LOOP)
                .should()
                .onlyDependOnClassesThat(in(LOOP).or(in(LIFE))
                        .or(in(COMMON))
                        .or(JDK)
                        .or(REACTOR)
                        .or(anyOf(
                                CallbackScheduler.class, SchedulerOptions.class, NativeCall.class, NativeAction.class)))
                .check(MAIN);
    }

    @Test
    void streamKnowsOnlyLoopAndUpcallAndLifeAndReactor() {
        classes()
                .that()
                .resideInAPackage(STREAM)
                .should()
                .onlyDependOnClassesThat(in(STREAM)
                        .or(in(LOOP))
                        .or(in(UPCALL))
                        .or(in(LIFE))
                        .or(in(COMMON))
                        .or(JDK)
                        .or(REACTOR)
                        .or(in("reactor.ffi")))
                .check(MAIN);
    }

    @Test
    void callKnowsOnlyLoopAndUpcallAndLifeAndReactor() {
        classes()
                .that()
                .resideInAPackage(CALL)
                .should()
                .onlyDependOnClassesThat(in(CALL).or(in(LOOP))
                        .or(in(UPCALL))
                        .or(in(LIFE))
                        .or(in(COMMON))
                        .or(JDK)
                        .or(REACTOR)
                        .or(in("reactor.ffi")))
                .check(MAIN);
    }

    @Test
    void signalKnowsOnlyTheJdkAndALog() {
        classes()
                .that()
                .resideInAPackage(SIGNAL)
                .should()
                .onlyDependOnClassesThat(in(SIGNAL).or(JDK).or(resideInAPackage("reactor.util")))
                .check(MAIN);
    }

    @Test
    void metersKnowOnlyMetricsAndMicrometerAndWhoTellsOfNewNames() {
        classes()
                .that()
                .resideInAPackage(METERS)
                .should()
                .onlyDependOnClassesThat(in(METERS)
                        .or(JDK)
                        .or(MICROMETER)
                        .or(resideInAPackage("reactor.util"))
                        .or(anyOf(
                                CallbackMetrics.class,
                                SchedulerMetrics.class,
                                PoolMetrics.class,
                                Names.class,
                                SourceCounters.class,
                                Running.class)))
                .check(MAIN);
    }

    /** So that the rest runs without it. */
    @Test
    void onlyMetersKnowMicrometerAndNobodyKnowsMeters() {
        noClasses()
                .that()
                .resideOutsideOfPackage(METERS)
                .should()
                .dependOnClassesThat(MICROMETER.or(in(METERS)))
                .check(MAIN);
    }

    /** As above. It knows the rooms by the names of their methods only. */
    @Test
    void onlyOnePackageKnowsBlockHoundAndNothingElseAndNobodyKnowsIt() {
        classes()
                .that()
                .resideInAPackage(TOLD)
                .should()
                .onlyDependOnClassesThat(in(TOLD).or(JDK).or(BLOCK_HOUND))
                .check(MAIN);
        noClasses()
                .that()
                .resideOutsideOfPackage(TOLD)
                .should()
                .dependOnClassesThat(BLOCK_HOUND.or(in(TOLD)))
                .check(MAIN);
    }

    @Test
    void nothingInternalKnowsTheEntryClasses() {
        noClasses()
                .that()
                .resideInAPackage("reactor.ffi.internal..")
                .should()
                .dependOnClassesThat(anyOf(
                        NativeFlux.class,
                        NativeSignals.class,
                        CFunction.class,
                        NativeMemory.class,
                        SchedulerMetrics.class,
                        PoolMetrics.class))
                .check(MAIN);
    }

    @Test
    void eachEntryClassKnowsItsOwnRoomAndNoOtherClassKnowsOne() {
        mayKnowNoRoomBut(STREAM, CallbackMetrics.class);
        mayKnowNoRoomBut("reactor.ffi.internal.(stream|call)", NativeFlux.class); // an exchange is both
        mayKnowNoRoomBut(CALL, NativeCallback.class, Confined.class);
        mayKnowNoRoomBut(SIGNAL, NativeSignals.class);
        mayKnowNoRoomBut(UPCALL, CallbackType.class, CFunction.class, PoolMetrics.class);
        mayKnowNoRoomBut(LOOP, CallbackScheduler.class, SchedulerMetrics.class);
        noClasses()
                .that(in("reactor.ffi")
                        .and(DescribedPredicate.not(anyOf(
                                NativeFlux.class,
                                NativeCallback.class,
                                Confined.class,
                                NativeSignals.class,
                                CallbackMetrics.class,
                                SchedulerMetrics.class,
                                PoolMetrics.class,
                                CallbackType.class,
                                CFunction.class,
                                CallbackScheduler.class))))
                .should()
                .dependOnClassesThat(resideInAPackage("reactor.ffi.internal.."))
                .check(MAIN);
    }

    private static void mayKnowNoRoomBut(String room, Class<?>... entries) {
        noClasses()
                .that(anyOf(entries))
                .should()
                .dependOnClassesThat(resideInAPackage("reactor.ffi.internal..").and(DescribedPredicate.not(in(room))))
                .check(MAIN);
    }

    @Test
    void roomsHaveNoCycles() {
        slices().matching("reactor.ffi.internal.(*)..")
                .should()
                .beFreeOfCycles()
                .check(MAIN);
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
                    .containsExactlyInAnyOrder("reactor.ffi", METERS);
            assertThat(module.opens()).isEmpty();
        }
    }

    /** Exactly this package. */
    private static DescribedPredicate<JavaClass> in(String room) {
        return resideInAPackage(room);
    }

    private static DescribedPredicate<JavaClass> anyOf(Class<?>... types) {
        return new DescribedPredicate<>("one of %s", List.of(types)) {
            @Override
            public boolean test(JavaClass type) {
                for (Class<?> each : types) {
                    // Nested classes and arrays are those of their top-level class.
                    String name = type.getBaseComponentType().getName();
                    if (name.equals(each.getName()) || name.startsWith(each.getName() + "$")) {
                        return true;
                    }
                }
                return false;
            }
        };
    }
}
