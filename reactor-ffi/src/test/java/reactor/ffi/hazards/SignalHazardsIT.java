package reactor.ffi.hazards;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.ffi.NativeSignals;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Signaller;

/** docs/hazards.md, "Signals". What a function pointer does as a signal handler comes by chance, and is not run. */
class SignalHazardsIT {

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
