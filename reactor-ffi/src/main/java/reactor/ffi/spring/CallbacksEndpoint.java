package reactor.ffi.spring;

import java.time.Duration;
import java.util.List;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.PoolMetrics;
import reactor.ffi.SchedulerMetrics;

/** The actuator endpoint {@code callbacks}: what is counted of the sources, schedulers and function pointers of this JVM. */
@Endpoint(id = "callbacks")
final class CallbacksEndpoint {

    @ReadOperation
    Callbacks callbacks() {
        return new Callbacks(
                CallbackMetrics.all().stream().map(Source::of).toList(),
                SchedulerMetrics.all().stream().map(Scheduler::of).toList(),
                Pool.of(PoolMetrics.now()));
    }

    /** The answer of the endpoint. */
    record Callbacks(List<Source> sources, List<Scheduler> schedulers, Pool pool) {}

    /** The figures of a {@link CallbackMetrics}. */
    record Source(
            String name,
            int subscribers,
            long events,
            long delivered,
            long discarded,
            long dropped,
            long reserved,
            long queued,
            int waiting,
            long lateCalls,
            long failedCalls,
            long refusedCalls) {

        private static Source of(CallbackMetrics source) {
            return new Source(
                    source.name(),
                    source.subscribers(),
                    source.events(),
                    source.delivered(),
                    source.discarded(),
                    source.dropped(),
                    source.reserved(),
                    source.queued(),
                    source.waiting(),
                    source.lateCalls(),
                    source.failedCalls(),
                    source.refusedCalls());
        }
    }

    /** The figures of a {@link SchedulerMetrics}. */
    record Scheduler(String name, long turns, long wakeUps, int refs, int sources, Duration longestTurn) {

        private static Scheduler of(SchedulerMetrics scheduler) {
            return new Scheduler(
                    scheduler.name(),
                    scheduler.turns(),
                    scheduler.wakeUps(),
                    scheduler.refs(),
                    scheduler.sources(),
                    scheduler.longestTurn());
        }
    }

    /** The figures of {@link PoolMetrics}. */
    record Pool(int stubs, int quarantined, long reusedEarly) {

        private static Pool of(PoolMetrics pool) {
            return new Pool(pool.stubs(), pool.quarantined(), pool.reusedEarly());
        }
    }
}
