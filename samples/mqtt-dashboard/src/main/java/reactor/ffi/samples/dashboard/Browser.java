package reactor.ffi.samples.dashboard;

import java.time.Duration;
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

    /** The last note that it was told of. */
    private long note;

    /**
     * Messages since the last frame.
     *
     * @param live false for what was known before this browser came
     * @param topics the messages, summed up
     * @param delivered messages that this browser was told of until now
     * @param dropped messages that it was not told of, because it did not read
     */
    record Frame(boolean live, List<Topics.View> topics, long delivered, long dropped) {}

    Flux<Frame> frames(Flux<SourceEvent> events) {
        return events.bufferTimeout(MOST, FRAME, Schedulers.parallel(), true) // true: asks for more only if it is read
                .publishOn(Schedulers.parallel(), 1) // encoding is no work for the callbacks' thread
                .map(this::frame)
                .doOnDiscard(SourceEvent.Message.class, _ -> drop());
    }

    private Frame frame(List<SourceEvent> events) {
        Topics topics = new Topics();
        for (SourceEvent event : events) {
            if (event instanceof SourceEvent.Message message) {
                if (topics.add(message)) {
                    delivered.incrementAndGet();
                } else {
                    drop();
                }
            }
        }
        return new Frame(true, topics.views(), delivered(), dropped());
    }

    private void drop() {
        dropped.incrementAndGet();
        droppedByAll.incrementAndGet();
    }

    /** The notes that are new for it. One caller at a time. */
    List<Notes.Note> news(Notes from) {
        List<Notes.Note> news = from.after(note);
        if (!news.isEmpty()) {
            note = news.get(news.size() - 1).id();
        }
        return news;
    }

    long delivered() {
        return delivered.get();
    }

    long dropped() {
        return dropped.get();
    }
}
