package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.ffi.NativeSignals.Signal;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Signaller;
import reactor.ffi.modulepath.SignalsOfAModule;

/** The statements on signals, where a signal may end the JVM, or it was started in another way. */
class NativeSignalsIT {

    @Test
    void theLastCancellationGivesHupBackToTheJvmWhichItEnds() throws Exception {
        assumeFalse(Signaller.isIgnored("HUP"), "HUP is ignored here");
        ForkedJvmResult result = ForkedJvm.run(EndedByHup.class);
        assertThat(result.exitCode()).as("%s", result).isEqualTo(128 + 1);
        assertThat(result.crashLog()).isEmpty();
        assertThat(result.out().lines()).containsExactly("HUP 1", "HUP 2", "shutdown hook");
    }

    @Test
    void aSignalThatNobodyTakesAnyMoreMayEndTheProcessAtOnce() {
        ForkedJvmResult result = ForkedJvm.run(EndedByUsr1.class);
        assertThat(result.exitCode()).as("%s", result).isEqualTo(128 + 10);
        assertThat(result.crashLog()).isEmpty();
        assertThat(result.out().lines()).containsExactly("USR1 1");
    }

    @Test
    void aSubscriptionKeepsTheJvmAliveAndTermEndsItInGoodOrder() throws Exception {
        assumeFalse(Signaller.isIgnored("TERM"), "TERM is ignored here");
        ForkedJvmResult result = ForkedJvm.run(EndsItself.class).assertExitedCleanly();
        assertThat(result.out().lines()).containsExactly("main ends", "TERM 1");
    }

    @Test
    void ofAThousandKillsTheCountSaysHowManyCame() {
        ForkedJvmResult result = ForkedJvm.run(Kills.class).assertExitedCleanly();
        long seen = Long.parseLong(result.out().strip());
        assertThat(seen).isBetween(1L, 1000L);
    }

    @Test
    void aSignalThatIsIgnoredIsSaidToBeSo() {
        ForkedJvm.run(Ignored.class)
                .assertExitedCleanly()
                .assertOut("not ended by HUP")
                .assertErr("HUP is ignored, as nohup or a shell's background job has it");
    }

    @Nested
    class WithXrs {

        @ParameterizedTest
        @ValueSource(strings = {"USR1", "HUP", "TERM", "WINCH"})
        void eachSignalIsAnErrorThatSaysWhy(String name) {
            assertSaysWhy(ForkedJvm.of(Reduced.class).jvmOptions("-Xrs").arguments(name), name);
        }

        @Test
        void itIsFoundInTheEnvironment() {
            assertSaysWhy(
                    ForkedJvm.of(Reduced.class)
                            .environment("JAVA_TOOL_OPTIONS", "-Xrs")
                            .arguments("USR1"),
                    "USR1");
            assertSaysWhy(
                    ForkedJvm.of(Reduced.class)
                            .environment("JDK_JAVA_OPTIONS", "-Xrs")
                            .arguments("USR1"),
                    "USR1");
        }

        @Test
        void itIsFoundInAFileOfArgumentsAndUnderItsOtherName(@TempDir Path folder) throws Exception {
            Path arguments = Files.writeString(folder.resolve("arguments"), "-Xrs");
            assertSaysWhy(
                    ForkedJvm.of(Reduced.class).jvmOptions("@" + arguments).arguments("USR1"), "USR1");
            assertSaysWhy(
                    ForkedJvm.of(Reduced.class)
                            .jvmOptions("-XX:+ReduceSignalUsage")
                            .arguments("USR1"),
                    "USR1");
        }

        @Test
        void itIsFoundWithoutTheModuleThatKnowsOptions() {
            assertSaysWhy(
                    ForkedJvm.of(Reduced.class)
                            .jvmOptions("-Xrs", "--limit-modules=java.base,jdk.unsupported")
                            .arguments("USR1"),
                    "USR1");
            assertSaysWhy(
                    ForkedJvm.of(Reduced.class)
                            .environment("JAVA_TOOL_OPTIONS", "-Xrs")
                            .jvmOptions("--limit-modules=java.base,jdk.unsupported")
                            .arguments("USR1"),
                    "USR1");
        }

        private void assertSaysWhy(ForkedJvm jvm, String name) {
            ForkedJvmResult result = jvm.run().assertExitedCleanly();
            assertThat(result.out().lines())
                    .containsExactly(
                            "java.lang.IllegalStateException: the JVM runs with -Xrs, so it delivers no signals:"
                                    + " start it without, to get " + name);
        }
    }

    @Nested
    class Modules {

        @Test
        void withoutJdkUnsupportedEachSubscriptionSaysWhatIsMissing() {
            ForkedJvmResult result = ForkedJvm.of(Reduced.class)
                    .jvmOptions("--limit-modules=java.base")
                    .arguments("USR1", "USR1")
                    .run()
                    .assertExitedCleanly();
            assertThat(result.out().lines())
                    .hasSize(2)
                    .containsOnly("java.lang.IllegalStateException: signals need the module jdk.unsupported: start the"
                            + " JVM with --add-modules jdk.unsupported");
        }

        @Test
        void onTheModulePathSignalsArrive() throws Exception {
            ForkedJvmResult result = onTheModulePath("--add-modules=jdk.unsupported");
            result.assertExitedCleanly();
            assertThat(result.out().lines()).containsExactly("module reactor.ffi", "USR1 1");
        }

        @Test
        void theDescriptorReadsJdkUnsupportedWhereItIs() throws Exception {
            Path classes = Path.of(NativeFlux.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            ModuleDescriptor descriptor = // of the folder, or of the jar
                    ModuleFinder.of(classes).find("reactor.ffi").orElseThrow().descriptor();
            assertThat(descriptor.requires())
                    .filteredOn(required -> required.name().equals("jdk.unsupported"))
                    .singleElement()
                    .satisfies(required -> assertThat(required.modifiers())
                            .containsExactly(ModuleDescriptor.Requires.Modifier.STATIC));
        }

        private static ForkedJvmResult onTheModulePath(String option) {
            return ForkedJvm.of(SignalsOfAModule.class)
                    .asNamedModule()
                    .jvmOptions(option)
                    .run();
        }
    }

    static final class EndedByHup {
        public static void main(String[] args) throws Exception {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("shutdown hook")));
            CountDownLatch first = new CountDownLatch(1);
            CountDownLatch second = new CountDownLatch(2);
            CallbackScheduler scheduler = CallbackScheduler.create("hup");
            CallbackOptions options = CallbackOptions.named("hup").on(scheduler);
            Disposable one = NativeSignals.on(options, "HUP").subscribe(signal -> {
                System.out.println(signal.name() + " " + signal.count());
                first.countDown();
                second.countDown();
            });
            Disposable two = NativeSignals.on(options, "HUP").subscribe();
            Signaller.kill("HUP");
            first.await();
            two.dispose();
            Signaller.kill("HUP");
            second.await();
            one.dispose();
            scheduler.disposeGracefully().block(); // by then it has been given back
            Signaller.kill("HUP");
            new CountDownLatch(1).await();
        }
    }

    static final class EndsItself {
        public static void main(String[] args) throws Exception {
            NativeSignals.on("TERM")
                    .take(1)
                    .map(signal -> signal.name() + " " + signal.count())
                    .subscribe(System.out::println);
            CallbackScheduler.shared()
                    .schedule(
                            () -> {
                                try {
                                    Signaller.kill("TERM");
                                } catch (Exception e) {
                                    throw new IllegalStateException(e);
                                }
                            },
                            300,
                            TimeUnit.MILLISECONDS);
            System.out.println("main ends");
        }
    }

    /** Nobody else in it handles USR1: given back, it has the system's default. */
    static final class EndedByUsr1 {
        public static void main(String[] args) throws Exception {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("shutdown hook")));
            CountDownLatch first = new CountDownLatch(1);
            Disposable subscription = NativeSignals.on("USR1").subscribe(signal -> {
                System.out.println(signal.name() + " " + signal.count());
                first.countDown();
            });
            Signaller.kill("USR1");
            first.await();
            subscription.dispose();
            for (int i = 0; i < 100; i++) { // given back behind the cancel
                Signaller.kill("USR1");
            }
            System.out.println("still alive");
        }
    }

    static final class Kills {
        public static void main(String[] args) throws Exception {
            AtomicLong last = new AtomicLong();
            Disposable subscription = NativeSignals.on(CallbackOptions.named("kills"), "USR1")
                    .map(Signal::count)
                    .subscribe(count -> {
                        if (count != last.incrementAndGet()) {
                            throw new IllegalStateException("out of order: " + count);
                        }
                    });
            Signaller.kill("USR1", 1_000);
            // A signal that is still on its way when USR1 is given back would end this process, and neither the kernel
            // nor
            // the JVM tells whether one is.
            Thread.sleep(500);
            System.out.println(last);
            subscription.dispose();
        }
    }

    static final class Ignored {
        public static void main(String[] args) throws Exception {
            Object before = Signaller.install("HUP", Signaller.constant("SIG_IGN"));
            assertThat(before).isNotNull();
            Disposable subscription = NativeSignals.on("HUP").subscribe();
            Signaller.kill("HUP");
            System.out.println("not ended by HUP");
            subscription.dispose();
        }
    }

    static final class Reduced {
        public static void main(String[] args) {
            for (String name : args) {
                NativeSignals.on(name)
                        .map(Signal::toString)
                        .onErrorResume(e -> Mono.just("" + e))
                        .doOnNext(System.out::println)
                        .blockFirst(Duration.ofSeconds(5));
            }
        }
    }
}
