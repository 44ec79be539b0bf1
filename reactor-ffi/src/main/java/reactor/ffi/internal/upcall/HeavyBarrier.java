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
 * A full memory fence on every thread of the process, whose whole cost the calling thread pays.
 *
 * <h2>The asymmetric fence</h2>
 * An upcall writes "inside this slot" and then reads the slot's binding. A thread that retires the slot writes the inert
 * binding and then reads which calls are inside. If both had a full fence between their write and their read, at least
 * one of them would see the other: either the call finds the slot inert, or the retiring thread finds the call inside.
 * Without fences both processors may delay the write beyond the read, and neither sees the other: with this barrier
 * taken away, the race {@code CallAgainstRetire} finds that outcome hundreds of times a run.
 *
 * <p>Upcalls are many and fast, and a slot is retired rarely. So the upcall has only a compiler fence
 * ({@code Frame.hold}), and the retiring thread makes every other thread of the process execute a
 * full fence, by this class: if a thread was between its write and its read at that moment, the fence stands exactly
 * there; if not, its write was visible already or its read comes later. The system call {@code membarrier} does that by
 * an interrupt to each processor that runs the process; where there is none, closing a shared arena does by a handshake
 * with every Java thread.
 */
final class HeavyBarrier {

    private static final int PRIVATE_EXPEDITED = 8;
    private static final int REGISTER_PRIVATE_EXPEDITED = 16;

    /**
     * The system call, of type {@code ()int}. Null where the platform has none, as macOS and Windows, or a system
     * property switches it off.
     */
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
