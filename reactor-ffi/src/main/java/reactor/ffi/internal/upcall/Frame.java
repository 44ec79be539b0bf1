package reactor.ffi.internal.upcall;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** One level of a thread's {@link ThreadRecord}: which slot the call at this level is inside of, and which call it is. */
final class Frame {

    /** {@code (Frame, Slot)Binding}. */
    static final MethodHandle ENTER;

    /** {@code (Frame, Slot, Strangers, long)Binding}. */
    static final MethodHandle ENTER_ROUTED;

    /** {@code (Frame)void}. */
    static final MethodHandle LEAVE;

    private static final VarHandle HELD =
            ConstantBootstraps.fieldVarHandle(MethodHandles.lookup(), "held", VarHandle.class, Frame.class, long.class);
    private static final int STAMP_BITS = 40;
    private static final long STAMP_MASK = (1L << STAMP_BITS) - 1;

    /** What has room beside a stamp; less a million, as many threads may ask for one at the same time. */
    static final int MAX_ID = (1 << (64 - STAMP_BITS)) - 1_000_000;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            ENTER = lookup.findVirtual(Frame.class, "enter", methodType(Binding.class, Slot.class));
            ENTER_ROUTED = lookup.findVirtual(
                    Frame.class, "enterRouted", methodType(Binding.class, Slot.class, Strangers.class, long.class));
            LEAVE = lookup.findVirtual(Frame.class, "leave", methodType(void.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** From this level on it is asked whether a call is one too deep. */
    private static final int DEEP = Math.min(StackRoom.FROM_LEVEL, Limits.NESTING);

    private final ThreadRecord record;
    private final int level;

    /** Whether the last call at this level was one too deep. Only the thread itself reads it; never set below {@link #DEEP}. */
    private boolean tooDeep;

    /** The slot's id above the stamp of the call; zero when nothing is held. One word, so that a reader sees both or none. */
    @SuppressWarnings("unused") // HELD
    private long held;

    Frame(ThreadRecord record, int level) {
        this.record = record;
        this.level = level;
    }

    @SuppressWarnings("unused") // ENTER
    private Binding enter(Slot slot) {
        hold(slot.id, record.begin(level));
        return entered(slot.binding());
    }

    /** One load of the binding says whose call it is, and in which life of the slot. NULL is nobody's user data. */
    @SuppressWarnings("unused") // ENTER_ROUTED
    private Binding enterRouted(Slot slot, Strangers strangers, long userData) {
        hold(slot.id, record.begin(level));
        Binding binding = slot.binding();
        return entered(binding.userData == userData && userData != 0 ? binding : strangers.unknown(userData));
    }

    private Binding entered(Binding binding) {
        if (level == 0) {
            record.dress(binding.loader);
        } else if (level >= DEEP) {
            return enterDeep(binding);
        }
        return binding;
    }

    /** A call on top of one that was too deep comes from its fallback, or from whoever was told: nobody's code runs for it. */
    private Binding enterDeep(Binding binding) {
        boolean again = record.isTooDeep(level - 1);
        tooDeep = again || level >= Limits.NESTING || !StackRoom.isLeft();
        if (!tooDeep) {
            return binding;
        }
        return again ? binding.refuseUnreported() : binding.tooDeep(level);
    }

    boolean isTooDeep() {
        return tooDeep;
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
        record.end(level);
        release();
    }

    void release() {
        HELD.setRelease(this, 0L);
    }

    long held() {
        return (long) HELD.getAcquire(this);
    }

    static boolean isOf(long held, int slot) {
        return slot(held) == slot;
    }

    static int slot(long held) {
        return (int) (held >>> STAMP_BITS);
    }
}
