package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.loop.Running;

/**
 * A snapshot of what a {@link CallbackScheduler} has done since it was made, and of what it has to do; the
 * figures are exact when the scheduler sleeps.
 */
public final class SchedulerMetrics {

    private final String name;
    private final long turns;
    private final long wakeUps;
    private final long longestTurn;
    private final int refs;
    private final int sources;

    private SchedulerMetrics(LoopScheduler scheduler) {
        this.name = scheduler.name();
        this.turns = scheduler.loop().turns();
        this.wakeUps = scheduler.loop().wakeUps();
        this.longestTurn = scheduler.loop().longestTurn();
        this.refs = scheduler.refCount();
        this.sources = scheduler.sources();
    }

    /**
     * Reads the counters of a scheduler.
     *
     * @param scheduler started or not, disposed or not
     * @return a snapshot
     */
    public static SchedulerMetrics of(CallbackScheduler scheduler) {
        return new SchedulerMetrics((LoopScheduler) requireNonNull(scheduler, "scheduler"));
    }

    /**
     * Reads the counters of all schedulers whose thread runs. The thread starts with the first work, and ends when the
     * scheduler is disposed. Of schedulers that have ended nothing is kept.
     *
     * @return snapshots, in the order of their names, which several may share
     */
    public static List<SchedulerMetrics> all() {
        return Running.all().stream()
                .map(SchedulerMetrics::of)
                .sorted(Comparator.comparing(SchedulerMetrics::name))
                .toList();
    }

    /**
     * Returns the name of the scheduler's thread.
     *
     * @return not blank
     */
    public String name() {
        return name;
    }

    /**
     * Returns how often the thread looked for work and found some. A turn is one pass over all work that was there.
     *
     * @return how often
     */
    public long turns() {
        return turns;
    }

    /**
     * Returns how often the thread has slept and gone on.
     *
     * @return how often
     */
    public long wakeUps() {
        return wakeUps;
    }

    /**
     * Returns the count that {@link CallbackScheduler#ref()} and {@link CallbackScheduler#unref()} move.
     *
     * @return zero or more
     */
    public int refs() {
        return refs;
    }

    /**
     * Returns how many subscriptions and {@link Confined} values live on the scheduler.
     *
     * @return how many
     */
    public int sources() {
        return sources;
    }

    /**
     * Returns how long the longest turn of the last one to two minutes took. During a turn the scheduler does nothing
     * else, except inside {@link CallbackScheduler#callBlocking}. A turn that still runs does not count yet, and older
     * turns do not count any more.
     *
     * @return zero if there was no turn in that time
     */
    public Duration longestTurn() {
        return Duration.ofNanos(longestTurn);
    }

    @Override
    public String toString() {
        return "SchedulerMetrics[name=" + name + ", turns=" + turns() + ", wakeUps=" + wakeUps() + ", refs=" + refs
                + ", sources=" + sources + ", longestTurn=" + longestTurn() + "]";
    }
}
