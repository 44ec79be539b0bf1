package reactor.ffi.samples.benchmarks;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What one round of one contender has shown: one figure, whose name is empty, or several, such as percentiles. On the line
 * between runner and contender: {@code = name:figure name:figure}.
 *
 * @param byName the figures, in their order
 */
record Figures(Map<String, Double> byName) {

    private static final String MARK = "= ";

    static Figures of(double figure) {
        return new Figures(Map.of("", figure));
    }

    /** p50, p99, and p99.9 where there are samples enough for it. */
    static Figures percentiles(long[] samples) {
        long[] sorted = samples.clone();
        Arrays.sort(sorted);
        Map<String, Double> figures = new LinkedHashMap<>();
        figures.put("p50", (double) at(sorted, 0.50));
        if (sorted.length >= 100) {
            figures.put("p99", (double) at(sorted, 0.99));
        }
        if (sorted.length >= 1000) {
            figures.put("p99.9", (double) at(sorted, 0.999));
        }
        return new Figures(figures);
    }

    /** The longest, and p99.9 where there are samples enough for it. */
    static Figures longest(long[] samples) {
        long[] sorted = samples.clone();
        Arrays.sort(sorted);
        Map<String, Double> figures = new LinkedHashMap<>();
        figures.put("longest", (double) at(sorted, 1));
        if (sorted.length >= 1000) {
            figures.put("p99.9", (double) at(sorted, 0.999));
        }
        return new Figures(figures);
    }

    private static long at(long[] sorted, double share) {
        return sorted[(int) Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
    }

    String toLine() {
        StringBuilder line = new StringBuilder(MARK.trim());
        byName.forEach(
                (name, figure) -> line.append(' ').append(name).append(':').append(figure));
        return line.toString();
    }

    static boolean isLine(String line) {
        return line.startsWith(MARK);
    }

    static Figures parse(String line) {
        Map<String, Double> figures = new LinkedHashMap<>();
        for (String part : line.substring(MARK.length()).split(" ", -1)) {
            int colon = part.indexOf(':');
            figures.put(part.substring(0, colon), Double.valueOf(part.substring(colon + 1)));
        }
        return new Figures(figures);
    }
}
