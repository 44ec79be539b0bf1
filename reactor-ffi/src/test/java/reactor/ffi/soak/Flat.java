package reactor.ffi.soak;

import java.util.ArrayList;
import java.util.List;

/**
 * Whether anything has grown: the median of the last third of the samples against that of the first third. A median does not
 * mind a sample that fell into a rare moment; a leak moves it, however small its steps, if only they are many.
 */
final class Flat {

    /** Three in each third. */
    static final int FEWEST = 9;

    private Flat() {}

    /** What has grown by more than it may, in words. */
    static List<String> grown(List<Sample> samples) {
        List<String> grown = new ArrayList<>();
        for (Measure measure : Measure.values()) {
            long growth = last(samples, measure) - first(samples, measure);
            if (growth > measure.tolerance) {
                grown.add("%s has grown by %s, from %s to %s; %s may be"
                        .formatted(
                                measure.label(),
                                measure.show(growth),
                                measure.show(first(samples, measure)),
                                measure.show(last(samples, measure)),
                                measure.show(measure.tolerance)));
            }
        }
        return grown;
    }

    static long first(List<Sample> samples, Measure measure) {
        return median(samples.subList(0, third(samples)), measure);
    }

    static long last(List<Sample> samples, Measure measure) {
        return median(samples.subList(samples.size() - third(samples), samples.size()), measure);
    }

    private static int third(List<Sample> samples) {
        if (samples.size() < FEWEST) {
            throw new IllegalArgumentException(samples.size() + " samples are too few to tell; run longer");
        }
        return samples.size() / 3;
    }

    private static long median(List<Sample> samples, Measure measure) {
        long[] sorted = samples.stream()
                .mapToLong(sample -> sample.of(measure))
                .sorted()
                .toArray();
        return sorted[sorted.length / 2];
    }
}
