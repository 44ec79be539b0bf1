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
 * The slots of a shared stub, by the index that is part of the user data. A slot is made for the first callback that its
 * index has in this stub, and lives as long as the process. The slot of an index never changes; the binding of the slot does.
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

    /** Stands for the slot of each index that has no slot. This slot is never bound to a handler. */
    private final Slot nobody;

    /**
     * Read by calls without the lock. A larger array has all slots of the smaller one before calls can see the larger array.
     */
    @GuardedBy("this")
    @SuppressWarnings("unused") // SLOTS
    private @Nullable Slot[] slots = new Slot[64];

    /**
     * Makes a table without slots.
     *
     * @param nobody has the binding that each slot begins with, whose user data no callback has
     */
    SlotTable(Slot nobody) {
        this.nobody = nobody;
    }

    /** Reports the error that kept a call from reaching its binding. */
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

    /** Returns the slot of the index that is part of the user data, and makes that slot if there is none yet. */
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
