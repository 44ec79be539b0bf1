package reactor.ffi.internal.upcall;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** One level of a thread's {@link ThreadRecord}: which slot the call at this level is inside of, and which call it is. */
final class Frame {

    /** Stands for a call that was nested too deep to have a frame. */
    static final Frame TOO_DEEP = new Frame(null, -1);

    /** {@code (Frame, Slot)Binding}. */
    static final MethodHandle BINDING;

    /** {@code (Frame)void}. */
    static final MethodHandle LEAVE;

    private static final VarHandle HELD;
    private static final int STAMP_BITS = 40;
    private static final long STAMP_MASK = (1L << STAMP_BITS) - 1;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            BINDING = lookup.findVirtual(Frame.class, "binding", methodType(Binding.class, Slot.class));
            LEAVE = lookup.findVirtual(Frame.class, "leave", methodType(void.class));
            HELD = lookup.findVarHandle(Frame.class, "held", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final @Nullable ThreadRecord record;
    private final int level;

    /** The slot's id above the stamp of the call; zero when nothing is held. One word, so that a reader sees both or none. */
    @SuppressWarnings("unused") // HELD
    private long held;

    Frame(@Nullable ThreadRecord record, int level) {
        this.record = record;
        this.level = level;
    }

    /** Opaque: {@link HeavyBarrier} orders it before the read of the slot that follows. */
    void hold(int slot, long stamp) {
        HELD.setOpaque(this, (long) slot << STAMP_BITS | stamp & STAMP_MASK);
    }

    long held() {
        return (long) HELD.getAcquire(this);
    }

    static boolean isOf(long held, int slot) {
        return held >>> STAMP_BITS == slot;
    }

    @SuppressWarnings("unused") // BINDING
    private Binding binding(Slot slot) {
        Binding binding = slot.binding();
        if (level == 0) {
            record().dress(binding.loader);
        } else if (this == TOO_DEEP) {
            return binding.refused();
        }
        return binding;
    }

    /** Sets the depth instead of counting down: a level above that could not leave, on a full stack, is healed here. */
    @SuppressWarnings("unused") // LEAVE
    private void leave() {
        if (this != TOO_DEEP) {
            record().depth = level;
            HELD.setRelease(this, 0L);
        }
    }

    @SuppressWarnings("NullAway") // only TOO_DEEP has none
    private ThreadRecord record() {
        return record;
    }
}
