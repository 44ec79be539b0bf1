package reactor.ffi.internal.blockhound;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import reactor.blockhound.integration.BlockHoundIntegration;
import reactor.ffi.NativeFlux;

/** What BlockHound is told is what there is: each method that waits, and no other. */
class OwnWaitsTest {

    private static final Map<Class<?>, Set<String>> WAITING = Map.of(
            LockSupport.class, Set.of("park", "parkNanos", "parkUntil"),
            Thread.class, Set.of("onSpinWait", "yield", "sleep", "join"),
            Object.class, Set.of("wait"),
            CountDownLatch.class, Set.of("await"),
            Lock.class, Set.of("lock", "lockInterruptibly", "tryLock"),
            Future.class, Set.of("get", "join"));

    private static final Set<String> ON_THREADS_THAT_MAY_BLOCK = Set.of(
            // Of our own.
            "life.KeepAlive.sleep",
            "loop.LoopLife.bury",
            "loop.Watch.look",
            "upcall.NativeThreads.linger",
            "upcall.Sweeper.run",
            "ring.Bell.run",
            "call.Closings.run",
            // The shutdown hook's.
            "loop.ExitHook$Leave.awaitEnd",
            // Producers: who must not block uses the reserve.
            "stream.Inbox.park",
            "stream.Inbox.spin",
            // A listener's producer, where its call is an upcall: a thread that must not wait has hazards.md.
            "ring.Room.await",
            "ring.Room.sleep",
            // The branch for all but a scheduler's thread.
            "loop.LoopThread.parkNanos",
            "loop.Callers.spin");

    /** Use a pool: what waits is the JDK's. */
    private static final Set<String> IN_THE_JDK = Set.of("loop.Offload$Run.enqueue", "loop.Offload$Run.dequeue");

    private static final JavaClasses MAIN = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("reactor.ffi.internal");

    @Test
    void isEachMethodThatWaitsOnAThreadThatMustNot() {
        Set<String> waits = new TreeSet<>(IN_THE_JDK);
        for (JavaClass type : MAIN) {
            for (JavaMethodCall call : type.getMethodCallsFromSelf()) {
                if (WAITING.entrySet().stream()
                        .anyMatch(waiting -> call.getTargetOwner().isAssignableTo(waiting.getKey())
                                && waiting.getValue().contains(call.getName()))) {
                    waits.add(type.getFullName().substring("reactor.ffi.internal.".length()) + "."
                            + call.getOrigin().getName());
                }
            }
        }
        assertThat(waits).containsAll(ON_THREADS_THAT_MAY_BLOCK);
        waits.removeAll(ON_THREADS_THAT_MAY_BLOCK);
        assertThat(waits).containsExactlyInAnyOrderElementsOf(told().toList());
    }

    @Test
    void namesMethodsThatThereAre() throws ClassNotFoundException {
        for (String wait : told().toList()) {
            int dot = wait.lastIndexOf('.');
            Class<?> type = Class.forName("reactor.ffi.internal." + wait.substring(0, dot));
            assertThat(Arrays.stream(type.getDeclaredMethods()).map(method -> method.getName()))
                    .contains(wait.substring(dot + 1));
        }
    }

    private static Stream<String> told() {
        return OwnWaits.METHODS.entrySet().stream()
                .flatMap(entry -> entry.getValue().stream()
                        .map(method -> entry.getKey().substring("reactor.ffi.internal.".length()) + "." + method));
    }

    @Test
    void isAServiceOnTheClassPathAndOfTheModule() throws URISyntaxException {
        assertThat(ServiceLoader.load(BlockHoundIntegration.class)).hasAtLeastOneElementOfType(OwnWaits.class);
        Path classes = Path.of(NativeFlux.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        ModuleDescriptor module =
                ModuleFinder.of(classes).find("reactor.ffi").orElseThrow().descriptor();
        assertThat(module.provides()).singleElement().satisfies(provides -> {
            assertThat(provides.service()).isEqualTo(BlockHoundIntegration.class.getName());
            assertThat(provides.providers()).containsExactly(OwnWaits.class.getName());
        });
        assertThat(module.requires())
                .filteredOn(requires -> requires.name().equals("reactor.blockhound"))
                .singleElement()
                .satisfies(requires ->
                        assertThat(requires.modifiers()).containsExactly(ModuleDescriptor.Requires.Modifier.STATIC));
    }
}
