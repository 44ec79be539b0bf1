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

    /** From this level on each call is checked for nesting too deep. */
    private static final int DEEP = Math.min(StackRoom.FROM_LEVEL, Limits.NESTING);

    private final ThreadRecord record;
    private final int level;

    /**
     * Whether the last call at this level was nested too deep. Accessed by the thread itself only; never set below
     * {@link #DEEP}.
     */
    private boolean tooDeep;

    /**
     * The slot's id in the upper bits and the stamp of the call in the lower ones; zero when no call is inside. One
     * word, so that a reader sees both or neither.
     */
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

    /**
     * Checks a deep call. A call on top of one that was too deep comes from the fallback of that one, or from its error
     * handler, so no user's code runs for it.
     */
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
     * Says that a call is inside a slot. Called before the slot's binding is read. The processor needs no fence between
     * the two, because {@link HeavyBarrier} makes one when somebody looks. The fence here, the cheapest of all, keeps
     * the compilers from exchanging the two.
     */
    private void hold(int slot, long stamp) {
        HELD.setOpaque(this, (long) slot << STAMP_BITS | (stamp & STAMP_MASK));
        VarHandle.loadLoadFence();
    }

    /** Says that the call has left. Right also after an {@link #enter} that has failed half-way. */
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
