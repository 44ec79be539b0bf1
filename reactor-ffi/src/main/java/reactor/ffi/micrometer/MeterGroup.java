package reactor.ffi.micrometer;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.TimeGauge;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/**
 * The meters of one source, one scheduler or the pool. Each meter reads a snapshot, and holds this group weakly, as
 * Micrometer does with what is measured.
 *
 * @param <S> the type of the snapshot
 */
final class MeterGroup<S> {

    private static final String PREFIX = "reactor.ffi.";

    private final Tags tags;
    private final Supplier<S> snapshot;
    private final List<Meter.Id> ids = new CopyOnWriteArrayList<>();

    MeterGroup(Tags tags, Supplier<S> snapshot) {
        this.tags = tags;
        this.snapshot = snapshot;
    }

    Registering in(MeterRegistry registry) {
        return new Registering(registry);
    }

    void removeFrom(MeterRegistry registry) {
        ids.forEach(registry::remove);
    }

    /** Registers the meters of a group with a registry, which the group does not hold. */
    final class Registering {

        private final MeterRegistry registry;

        private Registering(MeterRegistry registry) {
            this.registry = registry;
        }

        Registering counter(String name, String description, ToDoubleFunction<S> value) {
            return add(FunctionCounter.builder(PREFIX + name, MeterGroup.this, read(value))
                    .tags(tags)
                    .description(description)
                    .register(registry));
        }

        Registering gauge(String name, String description, ToDoubleFunction<S> value) {
            return add(Gauge.builder(PREFIX + name, MeterGroup.this, read(value))
                    .tags(tags)
                    .description(description)
                    .register(registry));
        }

        /** Registers a gauge of a time, in nanoseconds. */
        Registering time(String name, String description, ToDoubleFunction<S> nanos) {
            return add(TimeGauge.builder(PREFIX + name, MeterGroup.this, TimeUnit.NANOSECONDS, read(nanos))
                    .tags(tags)
                    .description(description)
                    .register(registry));
        }

        private Registering add(Meter meter) {
            ids.add(meter.getId());
            return this;
        }
    }

    private static <S> ToDoubleFunction<MeterGroup<S>> read(ToDoubleFunction<S> value) {
        return group -> value.applyAsDouble(group.snapshot.get());
    }
}
