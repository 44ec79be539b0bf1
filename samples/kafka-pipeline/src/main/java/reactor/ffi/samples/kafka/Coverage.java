package reactor.ffi.samples.kafka;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** Which numbers of each source have been seen, and how many of them twice. Not thread safe. */
final class Coverage {

    /** Of each source: runs of numbers that were seen, first to end, which neither touch nor overlap. */
    private final Map<Integer, TreeMap<Long, Long>> seen = new HashMap<>();

    private long covered;
    private long doubled;

    /** Adds the numbers from first to end, without end. */
    void add(int source, long first, long length) {
        TreeMap<Long, Long> runs = seen.computeIfAbsent(source, key -> new TreeMap<>());
        long from = first;
        long to = first + length;
        long before = 0;
        for (Map.Entry<Long, Long> run = runs.floorEntry(to);
                run != null && run.getValue() >= from;
                run = runs.floorEntry(to)) {
            doubled += Math.max(0, Math.min(run.getValue(), first + length) - Math.max(run.getKey(), first));
            before += run.getValue() - run.getKey();
            from = Math.min(from, run.getKey());
            to = Math.max(to, run.getValue());
            runs.remove(run.getKey());
        }
        runs.put(from, to);
        covered += to - from - before;
    }

    /** How many different numbers were seen. */
    long covered() {
        return covered;
    }

    /** How many were seen that had been seen before. */
    long doubled() {
        return doubled;
    }

    /** The same, of one source. */
    long covered(int source) {
        return seen.getOrDefault(source, new TreeMap<>()).entrySet().stream()
                .mapToLong(run -> run.getValue() - run.getKey())
                .sum();
    }
}
