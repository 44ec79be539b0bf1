package reactor.ffi.spring;

import java.time.Duration;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.ReactiveHealthIndicator;
import reactor.core.publisher.Mono;
import reactor.ffi.CallbackScheduler;

/** Up if the scheduler's thread runs a task in time, so that no subscriber blocks that thread. */
final class SchedulerHealth implements ReactiveHealthIndicator {

    private final CallbackScheduler scheduler;
    private final Duration limit;

    SchedulerHealth(CallbackScheduler scheduler, Duration limit) {
        this.scheduler = scheduler;
        this.limit = limit;
    }

    @Override
    public Mono<Health> health() {
        return Mono.fromCallable(System::nanoTime)
                .publishOn(scheduler)
                .map(asked -> Health.up()
                        .withDetail("answeredWithinMicros", (System.nanoTime() - asked) / 1000)
                        .build())
                .timeout(
                        limit,
                        Mono.fromSupplier(() -> Health.down()
                                .withDetail(
                                        "reason", "no answer within " + limit.toMillis() + " ms: its thread is busy")
                                .build()))
                .onErrorResume(
                        error -> Mono.fromSupplier(() -> Health.down(error).build()));
    }
}
