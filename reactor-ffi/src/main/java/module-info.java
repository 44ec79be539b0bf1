/** Native callbacks as Reactor streams. */
@SuppressWarnings("requires-transitive-automatic") // Reactor has no module descriptors of its own
module reactor.ffi {
    requires transitive reactor.core;
    requires transitive org.reactivestreams;
    requires static transitive org.jspecify;
    requires static com.google.errorprone.annotations; // GuardedBy
    requires static java.management; // CodeCache
    requires static jdk.unsupported; // NativeSignals
    requires static micrometer.core; // CallbackMeters; not transitive, or who compiles without it could not
    requires static reactor.blockhound; // OwnWaits
    // reactor.ffi.spring; Jackson's annotations are those of Spring's Health
    requires static com.fasterxml.jackson.annotation;
    requires static spring.beans;
    requires static spring.boot;
    requires static spring.boot.actuator;
    requires static spring.boot.actuator.autoconfigure;
    requires static spring.boot.autoconfigure;
    requires static spring.boot.health;
    requires static spring.context;
    requires static spring.core;

    exports reactor.ffi;
    exports reactor.ffi.micrometer;
    exports reactor.ffi.spring;

    provides reactor.blockhound.integration.BlockHoundIntegration with
            reactor.ffi.internal.blockhound.OwnWaits;
}
