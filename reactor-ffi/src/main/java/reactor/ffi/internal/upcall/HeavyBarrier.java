package reactor.ffi.internal.upcall;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.Property;

/**
 * A full fence on every thread of the process, paid for by the one that asks. The cold side of "am I seen, or do I see?":
 * an upcall writes that it is inside and then reads its slot, with no fence of its own; who makes the slot inert issues
 * this, and then either sees the call inside or the call sees the slot inert.
 */
final class HeavyBarrier {

    private static final int PRIVATE_EXPEDITED = 8;
    private static final int REGISTER_PRIVATE_EXPEDITED = 16;

    /** {@code ()int}: the system call. Null where there is none, as on macOS and Windows, or where it is switched off. */
    private static final @Nullable MethodHandle MEMBARRIER =
            Property.read("reactor.ffi.membarrier", 1, 0, 1) == 0 ? null : membarrier();

    private HeavyBarrier() {}

    static void issue() {
        VarHandle.fullFence();
        if (MEMBARRIER == null || !issued(MEMBARRIER)) {
            Arena.ofShared().close(); // a handshake with every Java thread
        }
    }

    /** Returns whether the fence is made by the system call, and not by a handshake with every Java thread. */
    static boolean isSystemCall() {
        return MEMBARRIER != null;
    }

    private static boolean issued(MethodHandle membarrier) {
        try {
            return (int) membarrier.invokeExact() == 0;
        } catch (Throwable _) {
            return false;
        }
    }

    @SuppressWarnings("restricted")
    private static @Nullable MethodHandle membarrier() {
        int number = switch (System.getProperty("os.name") + " " + System.getProperty("os.arch")) {
            case "Linux amd64" -> 324;
            case "Linux aarch64", "Linux riscv64" -> 283;
            default -> -1;
        };
        if (number < 0) {
            return null;
        }
        try {
            Linker linker = Linker.nativeLinker();
            MethodHandle call = linker.downcallHandle(
                    linker.defaultLookup().find("syscall").orElseThrow(),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT),
                    Linker.Option.firstVariadicArg(1));
            int registered = (int) call.invokeExact((long) number, REGISTER_PRIVATE_EXPEDITED, 0, 0);
            return registered == 0
                    ? MethodHandles.insertArguments(call, 0, (long) number, PRIVATE_EXPEDITED, 0, 0)
                    : null;
        } catch (Throwable _) {
            return null; // a kernel, or a sandbox, without it
        }
    }
}
