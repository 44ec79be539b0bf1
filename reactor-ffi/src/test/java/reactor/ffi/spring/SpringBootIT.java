package reactor.ffi.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import reactor.core.publisher.Flux;
import reactor.ffi.CFunction;
import reactor.ffi.fixture.Callbacks.EchoInt;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;

/** What Spring Boot finds in the jar by itself, in a JVM of its own. */
class SpringBootIT {

    @Test
    void theApplicationSetsTheLimitsOfItsJvm() {
        assertThat(ForkedJvm.of(Application.class)
                        .arguments("--reactor.ffi.stubs.limit=3")
                        .run()
                        .assertExitedCleanly()
                        .out())
                .contains(" of the JVM's 3, ");
    }

    @Test
    void aLimitOfTheCommandLineWins() {
        assertThat(ForkedJvm.of(Application.class)
                        .jvmOptions("-Dreactor.ffi.stubs.limit=2")
                        .arguments("--reactor.ffi.stubs.limit=3")
                        .run()
                        .assertExitedCleanly()
                        .out())
                .contains(" of the JVM's 2, ");
    }

    @Test
    void whereNativeAccessIsDeniedTheStartFailsAndSaysHowItIsAllowed() {
        assumeThat(Runtime.version().feature()).isGreaterThanOrEqualTo(24);
        ForkedJvmResult result =
                ForkedJvm.of(Application.class).withoutNativeAccess().run();
        assertThat(result.exitCode()).isEqualTo(1);
        assertThat(result.out() + result.err())
                .contains(
                        "APPLICATION FAILED TO START",
                        "The JVM denies native access",
                        "Enable-Native-Access: ALL-UNNAMED",
                        "--enable-native-access=ALL-UNNAMED")
                .doesNotContain("\tat ");
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Application {

        @Bean
        Flux<Integer> many(CallbackStreams streams) {
            return streams.create(streams.options("many"), sink -> {
                for (int i = 0; i < 10; i++) {
                    EchoInt echo = CFunction.at(sink.callback(EchoInt.class, value -> value), EchoInt.class);
                    sink.next(echo.echo(i));
                }
                sink.complete();
            });
        }

        public static void main(String[] args) {
            try (ConfigurableApplicationContext context = SpringApplication.run(Application.class, args)) {
                Flux<?> many = context.getBean("many", Flux.class);
                try {
                    System.out.println("delivered: " + many.count().block(Duration.ofSeconds(30)));
                } catch (IllegalStateException e) {
                    System.out.println("refused: " + e.getMessage());
                }
            }
        }
    }
}
