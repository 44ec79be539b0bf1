package reactor.ffi.internal.upcall;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** One level of a thread's {@link ThreadRecord}: which slot the call at this level is inside of, and which call it is. */
final class Frame {

    /** Stands for a call from within the fallback of one that was nested too deep: there is no frame for it. */
    static final Frame BEYOND = new Frame(null, -1);

    /** {@code (Frame, Slot)Binding}. */
    static final MethodHandle ENTER;

    /** {@code (Frame)void}. */
    static final MethodHandle LEAVE;

    private static final VarHandle HELD;
    private static final int STAMP_BITS = 40;
    private static final long STAMP_MASK = (1L << STAMP_BITS) - 1;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            ENTER = lookup.findVirtual(Frame.class, "enter", methodType(Binding.class, Slot.class));
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

    @SuppressWarnings("unused") // ENTER
    private Binding enter(Slot slot) {
        ThreadRecord record = this.record;
        if (record == null) {
            return slot.binding().refusedAgain();
        }
        hold(slot.id, record.begin(level));
        Binding binding = slot.binding();
        if (level == 0) {
            record.dress(binding.loader);
        } else if (level == Limits.NESTING || (level >= StackRoom.FROM_LEVEL && !StackRoom.isLeft())) {
            return binding.refused();
        }
        return binding;
    }

    /**
     * Before the slot is read. Between the two no fence of the processor is needed: {@link HeavyBarrier} is the fence, when
     * there is need for one. The compilers must not exchange them either; for them alone is the one here, the cheapest.
     */
    private void hold(int slot, long stamp) {
        HELD.setOpaque(this, (long) slot << STAMP_BITS | (stamp & STAMP_MASK));
        VarHandle.loadLoadFence();
    }

    /** Also right after an enter that has failed half-way. */
    @SuppressWarnings("unused") // LEAVE
    private void leave() {
        ThreadRecord record = this.record;
        if (record != null) {
            record.end(level);
            release();
        }
    }

    void release() {
        HELD.setRelease(this, 0L);
    }

    long held() {
        return (long) HELD.getAcquire(this);
    }

    static boolean isOf(long held, int slot) {
        return held >>> STAMP_BITS == slot;
    }
}
