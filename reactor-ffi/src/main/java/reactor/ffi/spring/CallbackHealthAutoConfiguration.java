package reactor.ffi.spring;

import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.ReactiveHealthIndicator;
import org.springframework.context.annotation.Bean;
import reactor.ffi.CallbackScheduler;

/** The parts {@code callbackScheduler} and {@code callbackStreams} of {@code /actuator/health}. */
@AutoConfiguration(after = CallbackAutoConfiguration.class)
@ConditionalOnClass({ReactiveHealthIndicator.class, ConditionalOnEnabledHealthIndicator.class})
@ConditionalOnBean(CallbackProperties.class)
final class CallbackHealthAutoConfiguration {

    @Bean
    @ConditionalOnEnabledHealthIndicator("callbacks")
    @ConditionalOnMissingBean(name = "callbackSchedulerHealthIndicator")
    @ConditionalOnSingleCandidate(CallbackScheduler.class)
    ReactiveHealthIndicator callbackSchedulerHealthIndicator(
            CallbackScheduler scheduler, CallbackProperties properties) {
        return new SchedulerHealth(scheduler, properties.health().timeout());
    }

    @Bean
    @ConditionalOnEnabledHealthIndicator("callbacks")
    @ConditionalOnMissingBean(name = "callbackStreamsHealthIndicator")
    @ConditionalOnSingleCandidate(CallbackStreams.class)
    HealthIndicator callbackStreamsHealthIndicator(CallbackStreams streams) {
        return new StreamsHealth(streams);
    }
}
