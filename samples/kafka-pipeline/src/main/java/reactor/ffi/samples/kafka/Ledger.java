package reactor.ffi.samples.kafka;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import reactor.ffi.samples.kafka.wire.WindowPart;

/** What the windows have counted, by run of a publisher. Thread safe. */
final class Ledger {

    private final Map<Long, Coverage> runs = new HashMap<>();
    private final Set<Long> windows = new HashSet<>();

    synchronized void add(WindowPart part) {
        Coverage coverage = runs.computeIfAbsent(part.getRun(), run -> new Coverage());
        for (int i = 0; i < part.getRunFirstCount(); i++) {
            coverage.add(part.getSource(), part.getRunFirst(i), part.getRunLength(i));
        }
        windows.add(part.getWindowMillis());
    }

    /** How many different events are in windows. */
    synchronized long covered(long run) {
        Coverage coverage = runs.get(run);
        return coverage == null ? 0 : coverage.covered();
    }

    /** How many events are in windows more than once. */
    synchronized long doubled(long run) {
        Coverage coverage = runs.get(run);
        return coverage == null ? 0 : coverage.doubled();
    }

    synchronized int windows() {
        return windows.size();
    }
}
