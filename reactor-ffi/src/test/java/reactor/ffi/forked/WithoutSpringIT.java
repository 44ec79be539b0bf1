package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.springframework.boot.SpringApplication;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeFlux;
import reactor.ffi.PoolMetrics;
import reactor.ffi.SchedulerMetrics;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Source;

/** Spring is optional: without its jars on the class path all but the package for it works. */
class WithoutSpringIT {

    @Test
    void theRestRunsWithoutSpring() {
        assertThat(ForkedJvm.of(Stream.class)
                        .withoutLibrary("spring-")
                        .run()
                        .assertExitedCleanly()
                        .out()
                        .lines())
                .containsExactly("100 delivered", "1 scheduler", "a stub", "no Spring: NoClassDefFoundError");
    }

    static final class Stream {
        public static void main(String[] args) {
            NativeFlux.<Long>create(CallbackOptions.named("bare"), sink -> {
                        Source source = Source.events(
                                sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 0);
                        sink.onDispose(source::close);
                        source.start(1, 100, 0);
                    })
                    .take(100)
                    .blockLast();
            System.out.println(CallbackMetrics.of("bare").delivered() + " delivered");
            System.out.println(SchedulerMetrics.all().size() + " scheduler");
            System.out.println(PoolMetrics.now().stubs() > 0 ? "a stub" : "no stub");
            try {
                System.out.println("Spring: " + SpringApplication.class);
            } catch (NoClassDefFoundError missing) {
                System.out.println("no Spring: " + missing.getClass().getSimpleName());
            }
        }
    }
}
