package reactor.ffi.samples.dashboard;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import org.springframework.http.codec.ServerSentEvent;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.spring.CallbackStreams;
import reactor.util.retry.Retry;

/**
 * From the source to the browsers. It is itself a subscriber, as long as the application runs: so the source stays connected
 * while nobody looks, and a browser that comes finds the newest values.
 */
final class Feed implements SmartLifecycle {

    private static final Logger LOG = LoggerFactory.getLogger(Feed.class);

    private static final Duration SECOND = Duration.ofSeconds(1);

    private final EventSource source;
    private final CallbackStreams streams;
    private final AtomicInteger browsers = new AtomicInteger();
    private final AtomicLong received = new AtomicLong();
    private final AtomicLong dropped = new AtomicLong();
    private final AtomicLong droppedByBrowsers = new AtomicLong();
    private volatile Disposable subscription = Disposables.disposed();
    private volatile boolean connected;
    private volatile String detail = "connecting";

    /** Guards itself. */
    private final History history = new History();

    private final Notes notes = new Notes();

    /**
     * How things are.
     *
     * @param source what it is
     * @param connected whether it is connected
     * @param detail since when, or why not
     * @param received messages until now, of all topics
     * @param late calls that came after the end of a registration
     * @param more whether there are more topics than a page may have
     * @param browsers how many look
     * @param delivered messages that this browser was told of
     * @param dropped messages that it was not told of
     */
    record Status(
            String source,
            boolean connected,
            String detail,
            long received,
            long late,
            boolean more,
            int browsers,
            long delivered,
            long dropped) {}

    Feed(EventSource source, CallbackStreams streams) {
        this.source = source;
        this.streams = streams;
    }

    // ---- the application's own subscription

    @Override
    public void start() {
        subscription = source.events()
                .doOnError(this::failed)
                .retryWhen(Retry.backoff(Long.MAX_VALUE, Duration.ofSeconds(1)).maxBackoff(Duration.ofSeconds(30)))
                .doOnDiscard(SourceEvent.Message.class, message -> dropped.incrementAndGet())
                .subscribe(this::see);
    }

    @Override
    public void stop() {
        subscription.dispose();
    }

    @Override
    public boolean isRunning() {
        return !subscription.isDisposed();
    }

    private void see(SourceEvent event) {
        switch (event) {
            case SourceEvent.Message message -> {
                received.incrementAndGet();
                synchronized (history) {
                    history.add(message);
                }
            }
            case SourceEvent.Connected(long at, String how) -> {
                streams.connected(source.name(), how);
                connection(true, notes.add(at, "connected", how));
            }
            case SourceEvent.Disconnected(long at, String why) -> {
                streams.disconnected(source.name(), why);
                connection(false, notes.add(at, "disconnected", why));
            }
            case SourceEvent.Log(long at, String text) -> notes.add(at, "log", text);
        }
    }

    private void connection(boolean connected, Notes.Note note) {
        this.connected = connected;
        detail = note.text();
        LOG.info("{}: {}, {}", source.description(), note.kind(), note.text());
    }

    private void failed(Throwable error) {
        LOG.error("{} failed; it is tried again", source.description(), error);
        connected = false;
        detail = String.valueOf(error.getMessage());
    }

    // ---- browsers

    /** One browser: the last minute, then what happens, and every second how things are. */
    Flux<ServerSentEvent<?>> open() {
        return Flux.defer(() -> {
            Browser browser = new Browser(droppedByBrowsers);
            Flux<ServerSentEvent<?>> live = browser.frames(source.events()).map(frame -> event("frame", frame));
            Flux<ServerSentEvent<?>> past = Flux.fromIterable(pasts()).map(topic -> event("history", topic));
            // Again, for the sake of what comes between the history and the beginning of the live ones.
            Flux<ServerSentEvent<?>> known = Flux.interval(SECOND).take(1).map(second -> event("frame", known()));
            Flux<ServerSentEvent<?>> statuses = everySecond().map(second -> event("status", status(browser)));
            // The statuses have no end of their own.
            return streams.untilStop(Flux.merge(1, live, past, known, statuses)
                            .concatMapIterable(event -> withNews(browser, event), 1))
                    .doOnSubscribe(subscribed -> browsers.incrementAndGet())
                    .doFinally(signal -> browsers.decrementAndGet());
        });
    }

    private static Flux<Long> everySecond() {
        return Flux.interval(Duration.ZERO, SECOND).onBackpressureDrop();
    }

    private List<History.Past> pasts() {
        synchronized (history) {
            return history.pasts();
        }
    }

    private boolean hasMore() {
        synchronized (history) {
            return history.hasMore();
        }
    }

    private Browser.Frame known() {
        synchronized (history) {
            return new Browser.Frame(false, history.newest(), 0, 0);
        }
    }

    private List<ServerSentEvent<?>> withNews(Browser browser, ServerSentEvent<?> event) {
        List<Notes.Note> news = browser.news(notes);
        return news.isEmpty() ? List.of(event) : List.of(event("notes", news), event);
    }

    private Status status(Browser browser) {
        return new Status(
                source.description(),
                connected,
                detail,
                received(),
                CallbackMetrics.of(source.name()).lateCalls(),
                hasMore(),
                browsers(),
                browser.delivered(),
                browser.dropped());
    }

    private static ServerSentEvent<?> event(String name, Object data) {
        return ServerSentEvent.builder(data).event(name).build();
    }

    // ---- for metrics

    int browsers() {
        return browsers.get();
    }

    /** Messages that browsers were too slow for, those that are gone included. */
    long droppedByBrowsers() {
        return droppedByBrowsers.get();
    }

    /** Messages that native code handed over: those that this subscription saw, and those that it was too slow for. */
    long received() {
        return received.get() + dropped.get();
    }
}
