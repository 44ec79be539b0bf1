package reactor.ffi.samples.kafka;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import reactor.ffi.samples.kafka.wire.EventBatch;
import reactor.ffi.samples.kafka.wire.WindowPart;

/** What one poll adds to the windows: a sum for each source and window of event time. Of one thread. */
final class WindowSums {

    private record Key(long run, int source, long window) {}

    private static final class Sum {
        long count;
        double sum;
        float min = Float.POSITIVE_INFINITY;
        float max = Float.NEGATIVE_INFINITY;
        long dropped;
        /** Numbers that follow one another: the first, and how many. */
        final List<long[]> runs = new ArrayList<>();

        void add(long sequence, float value) {
            count++;
            sum += value;
            min = Math.min(min, value);
            max = Math.max(max, value);
            long[] last = runs.isEmpty() ? null : runs.getLast();
            if (last != null && last[0] + last[1] == sequence) {
                last[1]++;
            } else {
                runs.add(new long[] {sequence, 1});
            }
        }

        WindowPart toPart(Key key) {
            WindowPart.Builder part = WindowPart.newBuilder()
                    .setRun(key.run)
                    .setSource(key.source)
                    .setWindowMillis(key.window)
                    .setCount(count)
                    .setSum(sum)
                    .setMin(min)
                    .setMax(max)
                    .setDropped(dropped);
            runs.forEach(run -> part.addRunFirst(run[0]).addRunLength(run[1]));
            return part.build();
        }
    }

    private final long millis;
    private final Map<Key, Sum> sums = new LinkedHashMap<>();
    private long events;

    /**
     * Makes empty sums.
     *
     * @param millis how long a window is
     */
    WindowSums(long millis) {
        this.millis = millis;
    }

    void add(Batch batch) {
        EventBatch of = batch.events();
        long micros = of.getFirstMicros();
        long dropped = batch.dropped();
        Sum sum = null;
        long window = 0;
        for (int i = 0; i < batch.size(); i++) {
            micros += i == 0 ? 0 : of.getLaterMicros(i - 1);
            long at = window(micros / 1000);
            if (sum == null || at != window) {
                window = at;
                sum = sum(of, window);
            }
            sum.add(of.getFirstSequence() + i, of.getValue(i));
        }
        if (dropped > 0) {
            // The last record of a source has no events and no time, but may tell of a gap.
            sum(of, window(batch.size() == 0 ? System.currentTimeMillis() : of.getFirstMicros() / 1000)).dropped +=
                    dropped;
        }
        events += batch.size();
    }

    private long window(long atMillis) {
        return Math.floorDiv(atMillis, millis) * millis;
    }

    private Sum sum(EventBatch of, long window) {
        return sums.computeIfAbsent(new Key(of.getRun(), of.getSource(), window), key -> new Sum());
    }

    /** How many events were added. */
    long events() {
        return events;
    }

    List<WindowPart> parts() {
        return sums.entrySet().stream()
                .map(entry -> entry.getValue().toPart(entry.getKey()))
                .toList();
    }
}
