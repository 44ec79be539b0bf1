package reactor.ffi.internal.upcall;

/** Says how native access is enabled, where the JVM denies it. */
final class NativeAccess {

    private NativeAccess() {}

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
