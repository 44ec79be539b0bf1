package reactor.ffi.internal.upcall;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** Keeps the value of {@code errno} that the calling thread's last function left, for functions made to keep it. */
public final class Errno {

    static final Linker.Option KEPT = Linker.Option.captureCallState("errno");

    private static final MemoryLayout LAYOUT = Linker.Option.captureStateLayout();
    private static final VarHandle VALUE = LAYOUT.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    /**
     * The memory where the linker's code stores {@code errno}, one for each thread; made at the thread's first call of
     * such a function.
     */
    private static final ThreadLocal<@Nullable MemorySegment> STATE = new ThreadLocal<>();

    private static final MethodHandle OF_THREAD = ofThread();

    private Errno() {}

    /**
     * Returns the kept {@code errno} of the calling thread.
     *
     * @throws IllegalStateException if the calling thread has called no function that keeps it
     */
    public static int last() {
        MemorySegment state = STATE.get();
        if (state == null) {
            throw new IllegalStateException(
                    "this thread has called no function that keeps errno: make the function with"
                            + " CallbackType.of(...).errno()");
        }
        return (int) VALUE.get(state, 0L);
    }

    /** Binds a downcall handle that was made with {@link #KEPT} to the calling thread's memory. */
    static MethodHandle keep(MethodHandle call) {
        return MethodHandles.foldArguments(call, OF_THREAD);
    }

    @SuppressWarnings("UnusedMethod") // by the handle
    private static MemorySegment state() {
        MemorySegment state = STATE.get();
        if (state == null) {
            state = Arena.ofAuto().allocate(LAYOUT);
            STATE.set(state);
        }
        return state;
    }

    private static MethodHandle ofThread() {
        try {
            return MethodHandles.lookup().findStatic(Errno.class, "state", MethodType.methodType(MemorySegment.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
