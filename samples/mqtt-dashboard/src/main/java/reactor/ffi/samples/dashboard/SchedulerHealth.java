package reactor.ffi.samples.dashboard;

import java.time.Duration;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.ReactiveHealthIndicator;
import reactor.core.publisher.Mono;
import reactor.ffi.CallbackScheduler;

/** Up if the thread that callbacks are delivered on runs a task in time: no subscriber blocks it. */
final class SchedulerHealth implements ReactiveHealthIndicator {

    private static final Duration LIMIT = Duration.ofSeconds(1);

    private final CallbackScheduler scheduler;

    SchedulerHealth(CallbackScheduler scheduler) {
        this.scheduler = scheduler;
    }

    @Override
    public Mono<Health> health() {
        return Mono.fromCallable(System::nanoTime)
                .publishOn(scheduler)
                .map(asked -> Health.up()
                        .withDetail("answeredWithinMicros", (System.nanoTime() - asked) / 1000)
                        .build())
                .timeout(
                        LIMIT,
                        Mono.fromSupplier(() -> Health.down()
                                .withDetail(
                                        "reason", "no answer within " + LIMIT.toMillis() + " ms: its thread is busy")
                                .build()))
                .onErrorResume(error -> Mono.just(Health.down(error).build()));
    }
}
