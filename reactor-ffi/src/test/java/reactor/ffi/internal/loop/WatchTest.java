package reactor.ffi.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.ffi.SchedulerOptions;

@Timeout(30)
class WatchTest {

    private final LoopScheduler scheduler =
            LoopScheduler.create(SchedulerOptions.named("watched").warnAfter(Duration.ofMillis(50)));
    private final PrintStream err = System.err;
    private final ByteArrayOutputStream log = new ByteArrayOutputStream();

    @BeforeEach
    void capture() {
        System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8)); // slf4j-simple looks it up for each line
    }

    @AfterEach
    void restore() {
        System.setErr(err);
        scheduler.disposeGracefully().block(Duration.ofSeconds(10));
    }

    private String log() {
        return log.toString(StandardCharsets.UTF_8);
    }

    @Test
    void whatTakesTooLongIsLoggedOnceWithBothStacks() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        scheduler.schedule(() -> busyOnTheScheduler(end));
        Watch.Entry entry = Watch.begin("an unregister action", Thread.currentThread(), scheduler);
        await().until(() -> log().contains("the scheduler's thread"));
        assertThat(log())
                .contains("an unregister action", "CallbackScheduler(watched)", "whatTakesTooLongIsLoggedOnce")
                .contains("busyOnTheScheduler");
        Watch.Entry another = Watch.begin("another action", Thread.currentThread(), scheduler);
        await().until(() -> log().contains("another action")); // it has looked again
        assertThat(log().split("an unregister action", -1)).hasSize(2);
        another.end();
        entry.end();
        end.countDown();
    }

    private static void busyOnTheScheduler(CountDownLatch end) {
        try {
            end.await();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void aWarningTimeWithoutEndNeverComes() {
        LoopScheduler patient =
                LoopScheduler.create(SchedulerOptions.named("patient").warnAfter(ChronoUnit.FOREVER.getDuration()));
        Watch.Entry entry = Watch.begin("endless", Thread.currentThread(), patient);
        await().during(Duration.ofMillis(120)).until(() -> !log().contains("endless"));
        entry.end();
        patient.dispose();
    }

    @Test
    void whatEndsInTimeIsNotLogged() {
        for (int i = 0; i < 1_000; i++) {
            Watch.begin("brief", Thread.currentThread(), scheduler).end();
        }
        await().during(Duration.ofMillis(120)).until(() -> !log().contains("brief"));
    }

    @Test
    void anEarlierOneIsNotMissedBehindALaterOne() {
        LoopScheduler patient =
                LoopScheduler.create(SchedulerOptions.named("patient").warnAfter(Duration.ofHours(1)));
        Watch.Entry later = Watch.begin("later", Thread.currentThread(), patient);
        await().until(WatchTest::sleepsForATime);
        Watch.Entry sooner = Watch.begin("sooner", Thread.currentThread(), scheduler);
        await().until(() -> log().contains("sooner"));
        sooner.end();
        later.end();
        patient.dispose();
    }

    private static boolean sleepsForATime() {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().equals("reactor-ffi-watch")
                        && thread.getState() == Thread.State.TIMED_WAITING);
    }

    @Test
    void aLendThatTakesTooLongIsLogged() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        scheduler.schedule(() -> scheduler.runBlocking(end::await));
        await().until(() -> log().contains("a lend of the turn"));
        end.countDown();
    }

    @Test
    void aCallThatWaitsTooLongForItsTurnIsLogged() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        CountDownLatch busy = new CountDownLatch(1);
        scheduler.schedule(() -> {
            busy.countDown();
            busyOnTheScheduler(end);
        });
        busy.await(); // an idle scheduler would let the caller run at once
        Thread caller = new Thread(
                () -> scheduler.call(
                        new TurnCall() {
                            @Override
                            protected void run() {}
                        },
                        TimeUnit.SECONDS.toNanos(10),
                        true),
                "caller");
        caller.start();
        await().until(() -> log().contains("waits for its turn"));
        assertThat(log()).contains("who waits: \"caller\"", "busyOnTheScheduler");
        end.countDown();
        caller.join();
    }
}
