package reactor.ffi.spring;

import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;

/** {@code /actuator/callbacks}, where it is exposed. */
@AutoConfiguration(after = CallbackAutoConfiguration.class)
@ConditionalOnClass(ConditionalOnAvailableEndpoint.class)
@ConditionalOnBean(CallbackProperties.class)
final class CallbackEndpointAutoConfiguration {

    // The condition is on the method, so that it is evaluated only if the class above is there.
    @Bean
    @ConditionalOnAvailableEndpoint
    @ConditionalOnMissingBean
    CallbacksEndpoint callbacksEndpoint() {
        return new CallbacksEndpoint();
    }
}
