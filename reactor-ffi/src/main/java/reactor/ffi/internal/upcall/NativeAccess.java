package reactor.ffi.internal.upcall;

import java.lang.foreign.MemorySegment;

/** Says how native access is enabled, where the JVM denies it. */
public final class NativeAccess {

    private NativeAccess() {}

    /**
     * Returns where native access is enabled.
     *
     * @param what cannot be bound to C else
     * @throws IllegalCallerException where the JVM denies it
     */
    @SuppressWarnings("restricted")
    public static void require(String what) {
        try {
            MemorySegment _ = MemorySegment.NULL.reinterpret(0);
        } catch (IllegalCallerException denied) {
            throw denied(what, denied);
        }
    }

    static IllegalCallerException denied(String what, IllegalCallerException cause) {
        Module module = NativeAccess.class.getModule();
        return new IllegalCallerException(
                "native access is denied, so " + what
                        + " cannot be bound to C: start the JVM with --enable-native-access="
                        + (module.isNamed() ? module.getName() : "ALL-UNNAMED")
                        + ", or put 'Enable-Native-Access: ALL-UNNAMED' into the manifest of the jar given to java -jar",
                cause);
    }
}
