package reactor.ffi.lifetimes;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** How often each thing has happened in all sequences: what never happens is not tested. Any thread. */
final class Outcomes {

    final LongAdder terminals = new LongAdder();
    final LongAdder replies = new LongAdder();
    final LongAdder answers = new LongAdder();
    final LongAdder closures = new LongAdder();
    final LongAdder refusedClosures = new LongAdder();
    final LongAdder questions = new LongAdder();
    final LongAdder timeOuts = new LongAdder();
    private final LongAdder delivered = new LongAdder();
    private final LongAdder discarded = new LongAdder();
    private final LongAdder reserved = new LongAdder();
    private final LongAdder late = new LongAdder();

    /** Not among what has to happen: a call has to come when the index of its user data has its next life already. */
    final LongAdder unknown = new LongAdder();

    private final LongAdder failed = new LongAdder();
    private final LongAdder refused = new LongAdder();

    void add(Counted metrics) {
        delivered.add(metrics.delivered());
        discarded.add(metrics.discarded());
        reserved.add(metrics.reserved());
        late.add(metrics.lateCalls());
        failed.add(metrics.failedCalls());
        refused.add(metrics.refusedCalls());
    }

    private Map<String, Long> counts() {
        Map<String, Long> counts = new LinkedHashMap<>();
        counts.put("delivered", delivered.sum());
        counts.put("discarded", discarded.sum());
        counts.put("reserved", reserved.sum());
        counts.put("ends of streams", terminals.sum());
        counts.put("answers", answers.sum());
        counts.put("replies", replies.sum());
        counts.put("closures", closures.sum());
        counts.put("refused closures", refusedClosures.sum());
        counts.put("questions to values", questions.sum());
        counts.put("time-outs", timeOuts.sum());
        counts.put("late calls", late.sum());
        counts.put("failed calls", failed.sum());
        counts.put("refused calls", refused.sum());
        return counts;
    }

    List<String> missing() {
        return counts().entrySet().stream()
                .filter(count -> count.getValue() == 0)
                .map(Map.Entry::getKey)
                .toList();
    }

    @Override
    public String toString() {
        return counts() + ", unknown calls: " + unknown;
    }
}
