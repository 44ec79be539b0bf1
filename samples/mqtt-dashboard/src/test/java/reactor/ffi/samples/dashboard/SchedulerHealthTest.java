package reactor.ffi.samples.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.Status;
import reactor.ffi.CallbackScheduler;

class SchedulerHealthTest {

    @Test
    void isUpWhileTheThreadAnswers() {
        try (CallbackScheduler scheduler = CallbackScheduler.create("health-test")) {
            Health health = new SchedulerHealth(scheduler).health().block();
            assertThat(health.getStatus()).isEqualTo(Status.UP);
            assertThat(health.getDetails()).containsKey("answeredWithinMicros");
        }
    }

    @Test
    void isDownWhileASubscriberBlocksTheThreadAndUpAgainAfterwards() {
        CountDownLatch release = new CountDownLatch(1);
        try (CallbackScheduler scheduler = CallbackScheduler.create("health-test")) {
            scheduler.schedule(() -> {
                try {
                    release.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            SchedulerHealth health = new SchedulerHealth(scheduler);
            Health busy = health.health().block();
            assertThat(busy.getStatus()).isEqualTo(Status.DOWN);
            assertThat(busy.getDetails().get("reason")).asString().contains("busy");
            release.countDown();
            assertThat(health.health().block().getStatus()).isEqualTo(Status.UP);
        }
    }

    @Test
    void isDownOnceTheSchedulerIsClosed() {
        CallbackScheduler scheduler = CallbackScheduler.create("health-test");
        scheduler.close();
        assertThat(new SchedulerHealth(scheduler).health().block().getStatus()).isEqualTo(Status.DOWN);
    }
}
