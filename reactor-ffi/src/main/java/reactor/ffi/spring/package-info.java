/**
 * Auto-configuration for <a href="https://spring.io/projects/spring-boot">Spring Boot</a> 4: a {@code CallbackScheduler}, {@link
 * reactor.ffi.spring.CallbackStreams}, meters, health, the actuator endpoint {@code callbacks}, and properties below {@code
 * reactor.ffi}. The one package that needs Spring, which is not a dependency of the rest.
 */
@NullMarked
package reactor.ffi.spring;

import org.jspecify.annotations.NullMarked;
