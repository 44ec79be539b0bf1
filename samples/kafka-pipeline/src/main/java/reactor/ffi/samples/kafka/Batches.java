package reactor.ffi.samples.kafka;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
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

    /** Of each source the events of the batch that is being filled; empty between two signals. Accessed by one signal at a time. */
    private final List<List<Event>> open;

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
        this.open = Stream.<List<Event>>generate(ArrayList::new)
                .limit(sensors.sources())
                .toList();
    }

    /** The batches of events, and when they have ended one last record of each source. */
    Flux<Batch> of(Flux<Event> events, Duration atMost) {
        int most = (int) Math.min(MOST, (long) size * sensors.sources());
        return events.bufferTimeout(most, atMost, true)
                .concatMapIterable(this::split, 1)
                .concatWith(Flux.defer(() -> Flux.fromIterable(ends())));
    }

    private List<Batch> split(List<Event> events) {
        List<Batch> batches = new ArrayList<>();
        for (Event event : events) {
            List<Event> batch = open.get(event.source() - sensors.first());
            if (batch.size() == size
                    || (!batch.isEmpty() && event.sequence() != batch.getLast().sequence() + 1)) {
                batches.add(close(batch));
            }
            batch.add(event);
        }
        for (List<Event> batch : open) {
            if (!batch.isEmpty()) {
                batches.add(close(batch));
            }
        }
        return batches;
    }

    /** Makes a batch, and empties the list. */
    private Batch close(List<Event> events) {
        int index = events.getFirst().source() - sensors.first();
        long dropped = events.getFirst().sequence() - next[index];
        next[index] = events.getLast().sequence() + 1;
        Batch batch = Batch.of(run, events, dropped);
        events.clear();
        return batch;
    }

    private List<Batch> ends() {
        List<Batch> ends = new ArrayList<>();
        for (int i = 0; i < next.length; i++) {
            ends.add(Batch.end(run, sensors.first() + i, sensors.sent(i), sensors.sent(i) - next[i]));
        }
        return ends;
    }
}
