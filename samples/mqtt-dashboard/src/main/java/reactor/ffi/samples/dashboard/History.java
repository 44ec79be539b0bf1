package reactor.ffi.samples.dashboard;

import com.fasterxml.jackson.annotation.JsonFormat;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a page that is opened now has to know: of each topic the newest message, and the numbers of the last minute. Its size
 * has a limit, however many messages there are. Not thread safe.
 */
final class History {

    static final long LENGTH_MS = 60_000;
    /** Numbers within the same slot become one point. The page does the same with those that it sees live. */
    static final long SLOT_MS = 500;

    private final Map<String, Topic> topics = new TreeMap<>();
    private boolean more;

    /**
     * The numbers of a slot. In JSON it is an array.
     *
     * @param at when the newest came, in milliseconds since 1970
     * @param value the newest
     * @param min the smallest
     * @param max the largest
     */
    @JsonFormat(shape = JsonFormat.Shape.ARRAY)
    record Point(long at, double value, double min, double max) {

        private Point then(long at, double value) {
            return new Point(Math.max(this.at, at), value, Math.min(min, value), Math.max(max, value));
        }
    }

    /**
     * One topic.
     *
     * @param newest the newest message
     * @param points numbers of the last minute, from the oldest to the newest
     */
    record Past(Topics.View newest, List<Point> points) {}

    private static final class Topic {

        private Topics.View newest;
        private final Deque<Point> points = new ArrayDeque<>();

        private Topic(SourceEvent.Message first) {
            newest = Topics.View.of(first);
        }

        private void add(SourceEvent.Message message) {
            newest = Topics.View.of(message);
            Double value = message.value();
            if (value == null) {
                return;
            }
            Point last = points.peekLast();
            if (last != null && message.at() / SLOT_MS <= last.at / SLOT_MS) {
                points.removeLast();
                points.addLast(last.then(message.at(), value));
            } else {
                points.addLast(new Point(message.at(), value, value, value));
            }
            while (points.getFirst().at < message.at() - LENGTH_MS) {
                points.removeFirst();
            }
        }
    }

    void add(SourceEvent.Message message) {
        Topic topic = topics.get(message.topic());
        if (topic == null) {
            if (topics.size() >= Topics.MOST) {
                more = true;
                return;
            }
            topic = new Topic(message);
            topics.put(message.topic(), topic);
        }
        topic.add(message);
    }

    /** By name. */
    List<Past> pasts() {
        return topics.values().stream()
                .map(topic -> new Past(topic.newest, List.copyOf(topic.points)))
                .toList();
    }

    /** Whether there are topics that have no place here. */
    boolean hasMore() {
        return more;
    }

    List<Topics.View> newest() {
        return topics.values().stream().map(topic -> topic.newest).toList();
    }
}
