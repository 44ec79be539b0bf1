package reactor.ffi.samples.dashboard;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Messages summed up: for each topic the newest, how many there were, and between which values. Not thread safe. */
final class Topics {

    /** A broker may have topics without end; a page may not. */
    static final int MOST = 200;

    private final Map<String, View> views = new LinkedHashMap<>();

    /**
     * One topic.
     *
     * @param at when the newest message came, in milliseconds since 1970
     * @param text the newest message, or its beginning
     * @param more how many bytes of it are not in the text
     * @param value its number, if it is one
     * @param min the smallest number of those summed up
     * @param max the largest
     * @param count how many messages this stands for
     */
    record View(
            String topic,
            long at,
            String text,
            int more,
            @Nullable Double value,
            @Nullable Double min,
            @Nullable Double max,
            long count) {

        static View of(SourceEvent.Message message) {
            Double value = message.value();
            return new View(message.topic(), message.at(), message.text(), message.more(), value, value, value, 1);
        }

        private View then(View next) {
            return new View(
                    topic,
                    next.at,
                    next.text,
                    next.more,
                    next.value,
                    min == null || (next.min != null && next.min < min) ? next.min : min,
                    max == null || (next.max != null && next.max > max) ? next.max : max,
                    count + next.count);
        }
    }

    /** Whether there was a place for it. */
    boolean add(SourceEvent.Message message) {
        if (views.size() >= MOST && !views.containsKey(message.topic())) {
            return false;
        }
        views.merge(message.topic(), View.of(message), View::then);
        return true;
    }

    List<View> views() {
        return List.copyOf(views.values());
    }
}
