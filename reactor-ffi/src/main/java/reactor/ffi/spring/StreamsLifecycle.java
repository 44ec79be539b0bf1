package reactor.ffi.spring;

import java.time.Duration;
import org.springframework.context.SmartLifecycle;

/**
 * Completes the streams when the application stops. The default phase is the first that stops; the web server waits for open
 * requests in a later one ({@code WebServerApplicationContext.GRACEFUL_SHUTDOWN_PHASE}), where a stream of server-sent events
 * that does not end would hold it up.
 */
final class StreamsLifecycle implements SmartLifecycle {

    private final CallbackStreams streams;
    private final Duration limit;

    StreamsLifecycle(CallbackStreams streams, Duration limit) {
        this.streams = streams;
        this.limit = limit;
    }

    @Override
    public void start() {
        streams.start();
    }

    @Override
    public void stop() {
        streams.stop(limit).block();
    }

    @Override
    public void stop(Runnable callback) {
        streams.stop(limit).doFinally(_ -> callback.run()).subscribe();
    }

    @Override
    public boolean isRunning() {
        return streams.isRunning();
    }
}
