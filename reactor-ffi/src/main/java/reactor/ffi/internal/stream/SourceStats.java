package reactor.ffi.internal.stream;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.internal.upcall.CallCounters;

/** The counters of all sources of one name. They outlive the subscriptions: late calls come after the end. */
public final class SourceStats {

    private static final Map<String, SourceStats> BY_NAME = new ConcurrentHashMap<>();

    private final String name;
    final CallCounters calls;
    final LongAdder delivered = new LongAdder();
    final LongAdder discarded = new LongAdder();
    final LongAdder reserved = new LongAdder();

    private SourceStats(String name) {
        this.name = name;
        this.calls = CallCounters.named(name);
    }

    public static SourceStats named(String name) {
        return BY_NAME.computeIfAbsent(name, SourceStats::new);
    }

    public CallbackMetrics snapshot() {
        return new CallbackMetrics(
                name, delivered.sum(), discarded.sum(), reserved.sum(), calls.late(), calls.failed(), calls.refused());
    }
}
