package reactor.ffi.soak;

import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Collectors;
import reactor.ffi.PoolMetrics;

/** All measures at one moment. */
record Sample(Map<Measure, Long> values) {

    static Sample take() {
        Map<Measure, Long> values = new EnumMap<>(Measure.class);
        values.put(Measure.HEAP, Readings.heap()); // the first: it collects what others would count
        values.put(Measure.METASPACE, Readings.metaspace());
        values.put(Measure.CODE_CACHE, Readings.codeCache());
        values.put(Measure.STUB_CODE, Readings.stubCode());
        values.put(Measure.TRACKED, Readings.tracked());
        values.put(Measure.MALLOC, Readings.malloc());
        values.put(Measure.RESIDENT, Readings.residentSet());
        values.put(Measure.THREADS, Readings.threads());
        values.put(Measure.DESCRIPTORS, Readings.descriptors());
        values.put(Measure.STUBS, (long) PoolMetrics.now().stubs());
        return new Sample(values);
    }

    long of(Measure measure) {
        return values.getOrDefault(measure, 0L);
    }

    @Override
    public String toString() {
        return values.entrySet().stream()
                .map(entry -> entry.getKey().label() + " " + entry.getKey().show(entry.getValue()))
                .collect(Collectors.joining(", "));
    }
}
