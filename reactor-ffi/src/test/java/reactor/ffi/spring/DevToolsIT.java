package reactor.ffi.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import reactor.core.publisher.Flux;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Source;

/** A restart by Spring Boot's DevTools, as after a change of the sources. */
class DevToolsIT {

    /** The jar of DevTools, which is not on the class path of the other tests. */
    private static final String JAR = "reactor.ffi.test.devtools";

    @Test
    void aRestartUnregistersAndTheNewClassesRegisterAgain() {
        assumeThat(System.getProperty(JAR))
                .as("skipped, for there is no DevTools: mvn verify copies it")
                .isNotNull();
        assertThat(ForkedJvm.of(Application.class)
                        .withLibrary(Path.of(System.getProperty(JAR)))
                        .arguments("--spring.devtools.livereload.enabled=false")
                        .run()
                        .assertExitedCleanly()
                        .out()
                        .lines()
                        .filter(line -> line.startsWith("start ")))
                .containsExactlyInAnyOrder(
                        "start 1: delivered by RestartClassLoader",
                        "start 1: unregistered",
                        "start 1: completed",
                        "start 2: delivered by RestartClassLoader",
                        "start 2: unregistered",
                        "start 2: completed");
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Application {

        private static final int START = Integer.getInteger("start", 0) + 1;

        @Bean
        Flux<Long> endless(CallbackStreams streams) {
            return streams.share(streams.options("endless"), sink -> {
                sink.onDispose(() -> System.out.println("start " + START + ": unregistered"));
                Source source =
                        Source.events(sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 0);
                sink.onDispose(source::close);
                source.start(1, Long.MAX_VALUE, 0);
                sink.onDispose(source::stop);
            });
        }

        /** DevTools calls it again: first in a class loader of its own, then in the next one. */
        public static void main(String[] args) throws InterruptedException {
            ConfigurableApplicationContext context = SpringApplication.run(Application.class, args);
            System.setProperty("start", Integer.toString(START)); // not before run: DevTools begins anew there, too
            CountDownLatch delivered = new CountDownLatch(100);
            CountDownLatch completed = new CountDownLatch(1);
            Flux<?> endless = context.getBean("endless", Flux.class);
            endless.doOnComplete(() -> System.out.println("start " + START + ": completed"))
                    .doFinally(_ -> completed.countDown())
                    .subscribe(_ -> delivered.countDown());
            delivered.await();
            System.out.println("start " + START + ": delivered by "
                    + Application.class.getClassLoader().getClass().getSimpleName());
            if (START == 1) {
                restart();
            } else {
                context.close();
                completed.await();
                // DevTools has ended the main thread by an exception, for which the JVM would exit with 1.
                System.exit(0);
            }
        }

        /** By reflection: DevTools is not on the class path that this is compiled with. */
        private static void restart() {
            try {
                Class<?> restarter = Class.forName("org.springframework.boot.devtools.restart.Restarter");
                restarter
                        .getMethod("restart")
                        .invoke(restarter.getMethod("getInstance").invoke(null));
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
