package reactor.ffi.samples.dashboard;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;

/**
 * One browser's way through the events. Its queue is that of its own subscription: while it does not read, the oldest go to
 * the discard hook, which counts them.
 */
final class Browser {

    /** Ten frames a second are a chart that moves. */
    private static final Duration FRAME = Duration.ofMillis(100);
    /** A burst makes its frame earlier. */
    private static final int MOST = 512;

    private final AtomicLong delivered = new AtomicLong();
    private final AtomicLong dropped = new AtomicLong();
    private final AtomicLong droppedByAll;

    Browser(AtomicLong droppedByAll) {
        this.droppedByAll = droppedByAll;
    }

    /**
     * What happened since the last frame.
     *
     * @param live false for what was known before this browser came
     * @param topics the messages, summed up
     * @param notes connections and log lines, in their order
     * @param delivered messages that this browser was told of until now
     * @param dropped messages that it was not told of, because it did not read
     */
    record Frame(boolean live, List<Topics.View> topics, List<Note> notes, long delivered, long dropped) {}

    /** A line for the page's log: connected, disconnected, or log. */
    record Note(long at, String kind, String text) {}

    Flux<Frame> frames(Flux<SourceEvent> events) {
        return events.bufferTimeout(MOST, FRAME, Schedulers.parallel(), true) // true: asks for more only if it is read
                .publishOn(Schedulers.parallel(), 1) // encoding is no work for the callbacks' thread
                .map(this::frame)
                .doOnDiscard(SourceEvent.Message.class, message -> drop());
    }

    private Frame frame(List<SourceEvent> events) {
        Topics topics = new Topics();
        List<Note> notes = new ArrayList<>();
        for (SourceEvent event : events) {
            if (event instanceof SourceEvent.Message message) {
                if (topics.add(message)) {
                    delivered.incrementAndGet();
                } else {
                    drop();
                }
            } else {
                notes.add(note(event));
            }
        }
        return new Frame(true, topics.views(), notes, delivered(), dropped());
    }

    private void drop() {
        dropped.incrementAndGet();
        droppedByAll.incrementAndGet();
    }

    static Note note(SourceEvent event) {
        if (event instanceof SourceEvent.Connected connected) {
            return new Note(event.at(), "connected", connected.how());
        }
        if (event instanceof SourceEvent.Disconnected disconnected) {
            return new Note(event.at(), "disconnected", disconnected.why());
        }
        return new Note(event.at(), "log", ((SourceEvent.Log) event).text());
    }

    long delivered() {
        return delivered.get();
    }

    long dropped() {
        return dropped.get();
    }
}
