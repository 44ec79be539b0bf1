package reactor.ffi.hazards;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.Disposable;
import reactor.ffi.NativeSignals;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Signaller;

/** docs/hazards.md, "Signals". */
class SignalHazardsIT {

    /** On a thread that is in Java code. Nobody can do anything here: where the others are it comes by chance. */
    @ParameterizedTest
    @EnumSource
    void aFunctionPointerAsASignalHandler(Bridge bridge) {
        ForkedJvmResult result = bridge.run(Handles.class).assertCrashed();
        assertThat(result.out()).doesNotContain("survived");
        assertThat(result.crashLog()).contains("wrong thread state for upcall");
    }

    static final class Handles {

        private static final int SIGUSR1 = 10;

        private static volatile int threadId;
        private static volatile long spins;

        interface OnSignal {
            void on(int number);
        }

        public static void main(String[] args) throws Throwable {
            MemorySegment pointer =
                    Bridge.of(args).pointer(OnSignal.class, number -> System.out.println("handled " + number));
            MemorySegment before = (MemorySegment) libc("signal", FunctionDescriptor.of(ADDRESS, JAVA_INT, ADDRESS))
                    .invokeExact(SIGUSR1, pointer);
            assertThat(before).isEqualTo(MemorySegment.NULL);
            Thread inJava = new Thread(Handles::spin);
            inJava.setDaemon(true);
            inJava.start();
            while (spins < 100_000) {
                Thread.onSpinWait();
            }
            int sent = (int) libc("tgkill", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT))
                    .invokeExact((int) ProcessHandle.current().pid(), threadId, SIGUSR1);
            inJava.join(1_000);
            System.out.println(sent == 0 ? "survived" : "not sent");
        }

        private static void spin() {
            try {
                threadId = (int) libc("gettid", FunctionDescriptor.of(JAVA_INT)).invokeExact();
            } catch (Throwable e) {
                throw new AssertionError(e);
            }
            for (long n = 1; ; n++) {
                spins = n;
            }
        }

        @SuppressWarnings("restricted")
        private static MethodHandle libc(String name, FunctionDescriptor descriptor) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), descriptor);
        }
    }

    private static final List<String> LET_GO =
            List.of("HUP", "INT", "TERM", "USR1", "ALRM", "CHLD", "CONT", "WINCH", "IO", "URG");

    @Test
    void theSignalsThatTheJvmLetsGoOf() {
        ForkedJvmResult result = ForkedJvm.run(EachOne.class).assertExitedCleanly();
        assertThat(result.out().lines()).containsExactlyElementsOf(LET_GO);
    }

    static final class EachOne {
        public static void main(String[] args) throws Exception {
            for (String name : LET_GO) {
                // Whoever starts the tests in the background may have some of them ignored, for good.
                System.out.println(Signaller.isIgnored(name) ? name : arrived(name));
            }
        }

        private static String arrived(String name) throws Exception {
            BlockingQueue<String> names = new LinkedBlockingQueue<>();
            Disposable subscription = NativeSignals.on(name).subscribe(signal -> names.add(signal.name()));
            Signaller.kill(name);
            String arrived = names.take();
            subscription.dispose();
            return arrived;
        }
    }
}
