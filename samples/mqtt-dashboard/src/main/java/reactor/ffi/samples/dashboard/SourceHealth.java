package reactor.ffi.samples.dashboard;

import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;

/** Up while the source is connected. */
final class SourceHealth implements HealthIndicator {

    private final Feed feed;

    SourceHealth(Feed feed) {
        this.feed = feed;
    }

    @Override
    public Health health() {
        return (feed.isConnected() ? Health.up() : Health.down())
                .withDetail("source", feed.description())
                .withDetail("detail", feed.detail())
                .build();
    }
}
