package reactor.ffi.internal.upcall;

import static java.lang.invoke.MethodType.methodType;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The slots of a shared stub, by the index that is part of the user data. A slot is made when its index first has a callback
 * here, and is there for the life of the process: the slot of an index never changes, its binding does.
 */
abstract class SlotTable extends Strangers {

    /** {@code (SlotTable, long)Slot}. */
    static final MethodHandle FIND;

    private static final VarHandle SLOTS = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "slots", VarHandle.class, SlotTable.class, Slot[].class);

    static {
        try {
            FIND = MethodHandles.lookup().findVirtual(SlotTable.class, "find", methodType(Slot.class, long.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Stands for the slot of each index that has none. It is never bound. */
    private final Slot nobody;

    /** Calls read it without the lock. A larger table has all slots of the smaller one before it is seen. */
    @GuardedBy("this")
    @SuppressWarnings("unused") // SLOTS
    private @Nullable Slot[] slots = new Slot[64];

    /**
     * A table without slots.
     *
     * @param nobody has the binding that each slot begins with, whose user data is that of nothing
     */
    SlotTable(Slot nobody) {
        this.nobody = nobody;
    }

    /** Reports what kept a call from coming as far as its binding. */
    @SuppressWarnings("unused") // Boundary
    static void notEntered(Throwable thrown, SlotTable table, long userData) {
        Binding binding = table.find(userData).binding();
        (binding.userData == userData && userData != 0 ? binding : table.unknown(userData)).report(thrown);
    }

    /** Makes a slot. */
    Slot create(Binding first) {
        return Slot.create(first);
    }

    /** Returns the slot of the index that is part of the user data, or one that is never bound. */
    final Slot find(long userData) {
        @Nullable Slot[] known = (Slot[]) SLOTS.getAcquire(this);
        int index = Tokens.index(userData);
        Slot slot = index < known.length ? known[index] : null;
        return slot == null ? nobody : slot;
    }

    /** Returns the slot of the index that is part of the user data; makes it for its first callback. */
    final synchronized Slot slot(long userData, MemorySegment pointer) {
        int index = Tokens.index(userData);
        @Nullable Slot[] known = slots;
        if (index >= known.length) {
            known = Arrays.copyOf(known, Math.max(2 * known.length, index + 1));
        }
        Slot slot = known[index];
        if (slot == null) {
            slot = create(nobody.binding());
            slot.pointer = pointer;
            known[index] = slot;
        }
        SLOTS.setRelease(this, known);
        return slot;
    }
}
