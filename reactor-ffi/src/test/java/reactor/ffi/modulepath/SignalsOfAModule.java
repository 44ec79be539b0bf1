package reactor.ffi.modulepath;

import java.time.Duration;
import reactor.core.publisher.Mono;
import reactor.ffi.NativeSignals;

/** Run with the library as a module, and this on the class path: in a package that is not the library's. */
public final class SignalsOfAModule {

    private SignalsOfAModule() {}

    public static void main(String[] args) throws Exception {
        System.out.println(NativeSignals.class.getModule());
        String kill = "kill -USR1 " + ProcessHandle.current().pid();
        String first = NativeSignals.on("USR1")
                .mergeWith(Mono.defer(() -> {
                            try {
                                new ProcessBuilder("sh", "-c", kill).start().waitFor();
                            } catch (Exception e) {
                                return Mono.error(e);
                            }
                            return Mono.<NativeSignals.Signal>empty();
                        })
                        .delaySubscription(Duration.ofMillis(200)))
                .map(signal -> signal.name() + " " + signal.count())
                .blockFirst(Duration.ofSeconds(10));
        System.out.println(first);
    }
}
