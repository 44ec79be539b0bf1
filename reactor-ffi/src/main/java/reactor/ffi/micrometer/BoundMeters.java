package reactor.ffi.micrometer;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.lang.ref.WeakReference;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.PoolMetrics;
import reactor.ffi.SchedulerMetrics;
import reactor.ffi.internal.loop.Running;
import reactor.ffi.internal.metrics.Names;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * The meters in one registry, which are added and removed with the sources and schedulers that they measure. An instance
 * lives as long as its registry, and does not hold the registry.
 */
final class BoundMeters {

    private static final Logger LOG = Loggers.getLogger(CallbackMeters.class);

    private final WeakReference<MeterRegistry> registry;
    private final Map<String, MeterGroup<CallbackMetrics>> sources = new ConcurrentHashMap<>();
    private final Map<String, MeterGroup<List<SchedulerMetrics>>> schedulers = new ConcurrentHashMap<>();
    private final MeterGroup<PoolMetrics> pool = new MeterGroup<>(Tags.empty(), PoolMetrics::now);

    /** Whether a refused meter was logged. Only the first is, because a registry that refuses one meter may refuse all. */
    private volatile boolean warned;

    BoundMeters(MeterRegistry registry) {
        this.registry = new WeakReference<>(registry);
    }

    /** Subscribes to new names first and then adds the meters of existing names, so that none is missed in between. */
    void begin() {
        Names.listen(weakly(this, BoundMeters::source));
        Running.listen(weakly(this, BoundMeters::scheduler));
        with(this::pool);
        CallbackMetrics.all().forEach(each -> source(each.name()));
        SchedulerMetrics.all().forEach(each -> scheduler(each.name()));
    }

    /** Returns a listener that holds the meters weakly. Static, so that the lambda cannot capture the instance. */
    private static Predicate<String> weakly(BoundMeters meters, BiConsumer<BoundMeters, String> update) {
        WeakReference<BoundMeters> reference = new WeakReference<>(meters);
        return name -> {
            BoundMeters live = reference.get();
            if (live != null) {
                update.accept(live, name);
            }
            return live != null;
        };
    }

    /**
     * Runs an action on the registry, if that still exists. Called on a thread that subscribes or runs a scheduler: what
     * a filter or listener of the registry throws is logged, not thrown.
     */
    private void with(Consumer<MeterRegistry> action) {
        MeterRegistry live = registry.get();
        if (live != null) {
            try {
                action.accept(live);
            } catch (Throwable failed) {
                if (!warned) {
                    warned = true;
                    LOG.warn("meters of native callbacks could not be registered or removed in " + live, failed);
                }
            }
        }
    }

    private void pool(MeterRegistry into) {
        pool.in(into)
                .gauge("pool.stubs", "Function pointers that exist", PoolMetrics::stubs)
                .gauge(
                        "pool.quarantined",
                        "Function pointers that must not be used again yet",
                        PoolMetrics::quarantined)
                .counter(
                        "pool.reused.early",
                        "Function pointers used again before their quarantine was over",
                        PoolMetrics::reusedEarly)
                .counter("pool.unknown", "Calls with user data that is nobody's", PoolMetrics::unknown);
    }

    /** Adds or removes the meters of a source. No lock is held during calls of the registry, which has locks of its own. */
    private void source(String name) {
        if (Names.find(name) == null) {
            remove(sources.remove(name));
            return;
        }
        MeterGroup<CallbackMetrics> group = new MeterGroup<>(Tags.of("source", name), () -> CallbackMetrics.of(name));
        if (sources.putIfAbsent(name, group) == null) {
            with(into -> source(group.in(into)));
        }
    }

    private static void source(MeterGroup<CallbackMetrics>.Registering group) {
        group.counter("source.events", "Values handed over", CallbackMetrics::events)
                .counter("source.delivered", "Values that reached a subscriber", CallbackMetrics::delivered)
                .counter("source.discarded", "Values that will never be delivered", CallbackMetrics::discarded)
                .counter("source.dropped", "Values dropped by the overflow policy", CallbackMetrics::dropped)
                .counter("source.reserved", "Values put into the reserve", CallbackMetrics::reserved)
                .counter("source.calls.late", "Calls after the end", CallbackMetrics::lateCalls)
                .counter("source.calls.failed", "Calls whose handler failed", CallbackMetrics::failedCalls)
                .counter("source.calls.refused", "Calls whose handler was not run", CallbackMetrics::refusedCalls)
                .counter("source.calls.handled", "Calls that reached a listener", CallbackMetrics::handledCalls)
                .counter("source.calls.dropped", "Calls of listeners without room", CallbackMetrics::droppedCalls)
                .counter("source.calls.cut", "Calls of listeners with more than is copied", CallbackMetrics::cutCalls)
                .gauge(
                        "source.calls.queued.max",
                        "The most calls of listeners that waited in one subscription",
                        CallbackMetrics::mostQueuedCalls)
                .gauge("source.queued", "Values that wait in queues", CallbackMetrics::queued)
                .gauge("source.waiting", "Native threads that wait for room", CallbackMetrics::waiting)
                .gauge("source.subscribers", "Live subscriptions", CallbackMetrics::subscribers);
    }

    private void scheduler(String name) {
        if (allOf(name).isEmpty()) {
            remove(schedulers.remove(name));
            return;
        }
        MeterGroup<List<SchedulerMetrics>> group = new MeterGroup<>(Tags.of("scheduler", name), () -> allOf(name));
        if (schedulers.putIfAbsent(name, group) == null) {
            with(into -> scheduler(group.in(into)));
        }
    }

    private static void scheduler(MeterGroup<List<SchedulerMetrics>>.Registering group) {
        group.counter("scheduler.turns", "Turns that found work", sum(SchedulerMetrics::turns))
                .counter("scheduler.wakeups", "How often the thread slept and went on", sum(SchedulerMetrics::wakeUps))
                .gauge("scheduler.refs", "The count of ref and unref", sum(SchedulerMetrics::refs))
                .gauge("scheduler.sources", "Subscriptions and confined values", sum(SchedulerMetrics::sources))
                .time("scheduler.turn.longest", "The longest turn of the last minutes", BoundMeters::longestTurn);
    }

    /** Returns the metrics of all schedulers of a name, whose figures are added up. */
    private static List<SchedulerMetrics> allOf(String name) {
        return SchedulerMetrics.all().stream()
                .filter(each -> each.name().equals(name))
                .toList();
    }

    private static ToDoubleFunction<List<SchedulerMetrics>> sum(ToLongFunction<SchedulerMetrics> count) {
        return all -> all.stream().mapToLong(count).sum();
    }

    private static double longestTurn(List<SchedulerMetrics> all) {
        return all.stream()
                .mapToLong(each -> each.longestTurn().toNanos())
                .max()
                .orElse(0);
    }

    private void remove(@Nullable MeterGroup<?> group) {
        if (group != null) {
            with(group::removeFrom);
        }
    }
}
