package reactor.ffi.spring;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import reactor.ffi.Overflow;
import reactor.ffi.SchedulerOptions;

/**
 * The properties of the application's own scheduler and streams. Those of the whole JVM are set by {@link JvmLimits}. Both are
 * described in {@code META-INF/spring-configuration-metadata.json}.
 */
@ConfigurationProperties("reactor.ffi")
record CallbackProperties(
        @DefaultValue Scheduler scheduler,
        @DefaultValue Queue overflow,
        @DefaultValue Health health,
        @DefaultValue Shutdown shutdown) {

    record Scheduler(
            @DefaultValue("callbacks") String name,
            @DefaultValue("50us") Duration spin,
            @DefaultValue("1s") Duration warnAfter,
            @DefaultValue("1024") int maxCallers) {

        SchedulerOptions options() {
            return SchedulerOptions.named(name).spin(spin).warnAfter(warnAfter).maxCallers(maxCallers);
        }
    }

    record Queue(
            @DefaultValue("block") Overflow.Policy policy,
            @DefaultValue("8192") int capacity,
            @DefaultValue("10s") Duration timeout) {

        Overflow overflow() {
            return switch (policy) {
                case BLOCK -> Overflow.block(capacity, timeout);
                case ERROR -> Overflow.error(capacity);
                case DROP_NEWEST -> Overflow.dropNewest(capacity);
                case DROP_OLDEST -> Overflow.dropOldest(capacity);
                case UNBOUNDED -> Overflow.unbounded();
            };
        }
    }

    record Health(@DefaultValue("1s") Duration timeout) {}

    record Shutdown(@DefaultValue("2s") Duration timeout) {}
}
