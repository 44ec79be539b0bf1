package reactor.ffi.spring;

import org.springframework.boot.health.contributor.AbstractHealthIndicator;
import org.springframework.boot.health.contributor.Health;

/** Down if a stream of the application has failed, or is disconnected. A stream that nobody subscribes to is up. */
final class StreamsHealth extends AbstractHealthIndicator {

    private final CallbackStreams streams;

    StreamsHealth(CallbackStreams streams) {
        this.streams = streams;
    }

    @Override
    protected void doHealthCheck(Health.Builder health) {
        health.up();
        streams.states().forEach((name, state) -> {
            StreamState.View view = state.view();
            health.withDetail(name, view.text());
            if (!view.up()) {
                health.down();
            }
        });
    }
}
