package reactor.ffi.samples.kafka;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import reactor.core.publisher.Flux;

/**
 * Events to batches of one source: by number and by time. A batch holds consecutive numbers; a number that is missing was
 * dropped by the overflow policy, and the next batch says how many there were.
 */
final class Batches {

    /** Most events that are collected at once. */
    private static final int MOST = 65_536;

    private final long run;
    private final Sensors sensors;
    private final int size;

    /** The number that each source's next event has if none is dropped. Accessed by one signal at a time. */
    private final long[] next;

    /**
     * Makes the operator.
     *
     * @param run which run of the publisher
     * @param sensors whose events
     * @param size most events of a batch
     */
    Batches(long run, Sensors sensors, int size) {
        this.run = run;
        this.sensors = sensors;
        this.size = size;
        this.next = new long[sensors.sources()];
    }

    /** The batches of events, and when they have ended one last record of each source. */
    Flux<Batch> of(Flux<Event> events, Duration atMost) {
        int most = (int) Math.min(MOST, (long) size * sensors.sources());
        return events.bufferTimeout(most, atMost, true)
                .concatMapIterable(this::split, 1)
                .concatWith(Flux.defer(() -> Flux.fromIterable(ends())));
    }

    private List<Batch> split(List<Event> events) {
        Map<Integer, List<Event>> open = new LinkedHashMap<>();
        List<Batch> batches = new ArrayList<>();
        for (Event event : events) {
            List<Event> batch = open.computeIfAbsent(event.source(), source -> new ArrayList<>(size));
            if (!batch.isEmpty()
                    && (batch.size() == size
                            || event.sequence() != batch.getLast().sequence() + 1)) {
                batches.add(close(batch));
                batch.clear();
            }
            batch.add(event);
        }
        open.values().forEach(batch -> batches.add(close(batch)));
        return batches;
    }

    private Batch close(List<Event> events) {
        int index = events.getFirst().source() - sensors.first();
        long dropped = events.getFirst().sequence() - next[index];
        next[index] = events.getLast().sequence() + 1;
        return Batch.of(run, events, dropped);
    }

    private List<Batch> ends() {
        List<Batch> ends = new ArrayList<>();
        for (int i = 0; i < next.length; i++) {
            ends.add(Batch.end(run, sensors.first() + i, sensors.sent(i), sensors.sent(i) - next[i]));
        }
        return ends;
    }
}
