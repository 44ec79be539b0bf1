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

    exports reactor.ffi;
    exports reactor.ffi.micrometer;

    provides reactor.blockhound.integration.BlockHoundIntegration with
            reactor.ffi.internal.blockhound.OwnWaits;
}
