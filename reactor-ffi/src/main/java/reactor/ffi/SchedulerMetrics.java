package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import reactor.ffi.internal.loop.LoopCounters;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.loop.Running;

/**
 * What a {@link CallbackScheduler} has done since it was made, and what it has to do. A snapshot; the figures are exact when
 * the scheduler sleeps.
 *
 * @param name the name of its thread
 * @param turns how often its thread looked for work and found some; a turn is a batch of everything that was there
 * @param wakeUps how often its thread has slept and gone on
 * @param refs the count that {@link CallbackScheduler#ref()} and {@link CallbackScheduler#unref()} move
 * @param sources subscriptions and {@link Confined} values that live on it
 * @param longestTurn how long the longest turn has taken: so long nobody else was served, but in a {@code callBlocking}. One
 *     that still runs does not count yet.
 */
public record SchedulerMetrics(String name, long turns, long wakeUps, int refs, int sources, Duration longestTurn) {

    /**
     * Reads the counters of a scheduler.
     *
     * @param scheduler started or not, disposed or not
     * @return a snapshot
     */
    public static SchedulerMetrics of(CallbackScheduler scheduler) {
        LoopScheduler loop = (LoopScheduler) requireNonNull(scheduler, "scheduler");
        LoopCounters counters = loop.counters();
        return new SchedulerMetrics(
                loop.name(),
                counters.turns(),
                counters.wakeUps(),
                loop.refCount(),
                loop.sources(),
                Duration.ofNanos(counters.longestTurn()));
    }

    /**
     * Reads the counters of all schedulers whose thread runs: it starts with the first work, and ends when the scheduler is
     * disposed of. Nothing is kept of those that have ended.
     *
     * @return snapshots, in the order of their names, which several may share
     */
    public static List<SchedulerMetrics> all() {
        return Running.all().stream()
                .map(SchedulerMetrics::of)
                .sorted(Comparator.comparing(SchedulerMetrics::name))
                .toList();
    }
}
