package reactor.ffi.micrometer;

import static java.util.Objects.requireNonNull;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.PoolMetrics;
import reactor.ffi.SchedulerMetrics;

/**
 * Meters of all native sources, schedulers and function pointers of this JVM:
 *
 * <pre>{@code
 * new CallbackMeters().bindTo(registry);
 * }</pre>
 *
 * <p>With Spring Boot a bean of this type is enough. The meters are what {@link CallbackMetrics} (tag {@code source}), {@link
 * SchedulerMetrics} (tag {@code scheduler}) and {@link PoolMetrics} say, read when the registry reads them;
 * {@code docs/metrics.md} lists their names.
 *
 * <p>Sources and schedulers that appear later have their meters at once. Those of a scheduler go when its thread ends. Those
 * of a source stay when its last subscription ends, so that its counts are not lost, and go when {@link CallbackMetrics}
 * forgets the name: at most 256 names that nobody uses have meters. Schedulers of one name are added up, so give each a name
 * of its own.
 *
 * <p>Nothing has to be closed: the meters live as long as the registry. Any thread; binding to the same registry again does
 * nothing.
 */
@SuppressWarnings("exports") // who uses it requires micrometer.core, and nobody else has to
public final class CallbackMeters implements MeterBinder {

    /** The meters of each registry. Keys and values are weak: the map holds no registry. */
    private static final Map<MeterRegistry, BoundMeters> BOUND = Collections.synchronizedMap(new WeakHashMap<>());

    /** Makes a binder. No meter exists before {@link #bindTo}. */
    public CallbackMeters() {}

    @Override
    public void bindTo(MeterRegistry registry) {
        BoundMeters meters = new BoundMeters(requireNonNull(registry, "registry"));
        if (BOUND.putIfAbsent(registry, meters) == null) {
            meters.begin();
        }
    }
}
