package reactor.ffi.spring;

import io.micrometer.core.instrument.binder.MeterBinder;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.micrometer.CallbackMeters;

/**
 * The scheduler, the streams and what stops them, and the meters. Each bean backs off if the application has its own; {@code
 * reactor.ffi.enabled=false} switches all beans of this package off.
 */
@AutoConfiguration
@ConditionalOnBooleanProperty(name = "reactor.ffi.enabled", matchIfMissing = true)
@EnableConfigurationProperties(CallbackProperties.class)
final class CallbackAutoConfiguration {

    /** Makes the scheduler, which Spring closes after the beans that use it. */
    @Bean
    @ConditionalOnMissingBean
    CallbackScheduler callbackScheduler(CallbackProperties properties) {
        return CallbackScheduler.create(properties.scheduler().options());
    }

    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnSingleCandidate(CallbackScheduler.class)
    CallbackStreams callbackStreams(CallbackScheduler scheduler, CallbackProperties properties) {
        return new CallbackStreams(scheduler, properties.overflow().overflow());
    }

    @Bean
    @ConditionalOnSingleCandidate(CallbackStreams.class)
    StreamsLifecycle callbackStreamsLifecycle(CallbackStreams streams, CallbackProperties properties) {
        return new StreamsLifecycle(streams, properties.shutdown().timeout());
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(MeterBinder.class)
    static class Meters {

        @Bean
        @ConditionalOnMissingBean
        CallbackMeters callbackMeters() {
            return new CallbackMeters();
        }
    }
}
