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
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.SchedulerOptions;
import reactor.ffi.fixture.Callbacks.OnAsk;

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
        Watch.Entry entry = Watch.begin("an unregister action", Thread.currentThread(), scheduler.thread());
        await().until(() -> log().contains("the scheduler's thread"));
        assertThat(log())
                .contains("an unregister action", "CallbackScheduler(watched)", "whatTakesTooLongIsLoggedOnce")
                .contains("busyOnTheScheduler");
        Watch.Entry another = Watch.begin("another action", Thread.currentThread(), scheduler.thread());
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
        Watch.Entry entry = Watch.begin("endless", Thread.currentThread(), patient.thread());
        await().during(Duration.ofMillis(120)).until(() -> !log().contains("endless"));
        entry.end();
        patient.dispose();
    }

    @Test
    void whatEndsInTimeIsNotLogged() {
        for (int i = 0; i < 1_000; i++) {
            Watch.begin("brief", Thread.currentThread(), scheduler.thread()).end();
        }
        await().during(Duration.ofMillis(120)).until(() -> !log().contains("brief"));
    }

    @Test
    void anEarlierOneIsNotMissedBehindALaterOne() {
        LoopScheduler patient =
                LoopScheduler.create(SchedulerOptions.named("patient").warnAfter(Duration.ofHours(1)));
        Watch.Entry later = Watch.begin("later", Thread.currentThread(), patient.thread());
        await().until(WatchTest::sleepsForATime);
        Watch.Entry sooner = Watch.begin("sooner", Thread.currentThread(), scheduler.thread());
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

    /** A task that waits, a timer that is due, a value that is queued. */
    @ParameterizedTest
    @ValueSource(strings = {"task", "timer", "value"})
    void aLendThatTakesTooLongIsLoggedOnceSomebodyWaits(String what) throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        CountDownLatch lent = new CountDownLatch(1);
        if (what.equals("timer")) {
            scheduler.schedule(() -> {}, 3, TimeUnit.SECONDS);
        }
        AtomicReference<NativeSink<Long>> sink = new AtomicReference<>();
        Disposable subscription = NativeFlux.<Long>create(
                        CallbackOptions.named("watched").on(scheduler), sink::set)
                .subscribe();
        scheduler.schedule(() -> scheduler.runBlocking(() -> {
            lent.countDown();
            end.await();
        }));
        lent.await();
        await().during(Duration.ofMillis(250)).until(() -> !log().contains("a lend of the turn"));
        if (what.equals("task")) {
            scheduler.schedule(() -> {});
        } else if (what.equals("value")) {
            sink.get().next(1L);
        }
        await().until(() -> log().contains("a lend of the turn"));
        end.countDown();
        subscription.dispose();
    }

    /** As a query that takes its time, with callbacks that are answered meanwhile. */
    @Test
    void aLendThatHarmsNobodyIsNotLogged() throws Exception {
        try (NativeCallback<OnAsk> callback =
                NativeCallback.threadSafe(scheduler, OnAsk.class, (thread, sequence, id) -> sequence + id)) {
            CountDownLatch end = new CountDownLatch(1);
            scheduler.schedule(() -> scheduler.runBlocking(end::await));
            OnAsk ask = CFunction.at(callback.pointer(), OnAsk.class);
            await().during(Duration.ofMillis(500)).until(() -> ask.onAsk(0, 1, 2) == 3);
            end.countDown();
        }
        assertThat(log()).doesNotContain("a lend of the turn");
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
                () -> scheduler
                        .callers()
                        .call(
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
