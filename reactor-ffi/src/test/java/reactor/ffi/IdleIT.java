package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.TestEvents;
import reactor.ffi.fixture.TestScheduler;

/** The CPU time of the library's own threads while there is nothing to do. */
class IdleIT {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("IdleIT");

    private final String name = loop.name;
    private final CallbackOptions options = loop.options;
    private final TestEvents events = new TestEvents();

    private static final ThreadMXBean CPU = ManagementFactory.getThreadMXBean();

    private Map<Long, Long> cpuOfTheLibrarysThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("reactor-ffi")
                        || thread.getName().equals(name))
                .collect(Collectors.toMap(Thread::threadId, thread -> CPU.getThreadCpuTime(thread.threadId())));
    }

    /** One without demand and with a value queued, one with demand, one on the shared scheduler; and they have been busy. */
    @Test
    void liveSubscriptionsWithoutEventsCostNoCpu() throws Exception {
        Recorder hungry = new Recorder(Long.MAX_VALUE);
        events.flux(options).subscribe(hungry);
        events.fire(0, 10_000);
        TestEvents queued = new TestEvents();
        Recorder full = new Recorder(0);
        NativeFlux.create(options, queued).subscribe(full);
        queued.sink.onRequest(n -> {});
        queued.fire(0, 1);
        TestEvents other = new TestEvents();
        Recorder shared = new Recorder(1);
        NativeFlux.create(CallbackOptions.named(name), other).subscribe(shared);
        other.fire(0, 1);
        Awaitility.await().atMost(SOON).until(() -> hungry.values.size() == 10_000 && shared.values.size() == 1);
        loop.settle();

        Map<Long, Long> before = cpuOfTheLibrarysThreads();
        assertThat(before).hasSizeGreaterThanOrEqualTo(3); // keep-alive, and two schedulers
        Awaitility.await().during(Duration.ofSeconds(5)).atMost(SOON).untilAsserted(() -> {
            long spent = cpuOfTheLibrarysThreads().entrySet().stream()
                    .mapToLong(entry -> entry.getValue() - before.getOrDefault(entry.getKey(), 0L))
                    .sum();
            assertThat(Duration.ofNanos(spent)).isLessThan(Duration.ofMillis(10));
        });
        hungry.cancel();
        full.cancel();
        shared.cancel();
    }

    /** Its end waits for the registration: nothing can be done about it until then. */
    @Test
    void aCancelledRegistrationThatLastsCostsNoCpu() throws Exception {
        Runnable release = loop.hold();
        Recorder recorder = new Recorder(Long.MAX_VALUE);
        CountDownLatch registered = new CountDownLatch(1);
        Thread subscriber = new Thread(() -> NativeFlux.<Long>create(options, sink -> {
                    sink.onRequest(n -> {});
                    events.register(sink);
                    events.fire(0, 3);
                    recorder.cancel();
                    awaitLatch(registered);
                })
                .subscribe(recorder));
        subscriber.start();
        Awaitility.await().atMost(SOON).until(() -> events.sink != null && events.sink.isCancelled());
        release.run();
        loop.settle();
        Map<Long, Long> before = cpuOfTheLibrarysThreads();
        Awaitility.await()
                .during(Duration.ofSeconds(1))
                .atMost(SOON)
                .untilAsserted(() -> cpuOfTheLibrarysThreads()
                        .forEach((thread, cpu) -> assertThat(cpu - before.getOrDefault(thread, 0L))
                                .isLessThan(TimeUnit.MILLISECONDS.toNanos(10))));
        registered.countDown();
        subscriber.join();
    }
}
