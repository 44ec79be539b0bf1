package reactor.ffi.internal.upcall;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The Java end of a stub, for the life of the process: bound to the handler of one registration after another, and inert in
 * between. Calls use the binding, and what {@link LastCaller} remembers; the other fields belong to the lock of its {@link
 * Stubs}, or, in a shared stub, to the lock of the slot itself.
 */
final class Slot extends LastCaller {

    private static final VarHandle BINDING = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "binding", VarHandle.class, Slot.class, Binding.class);
    private static final AtomicInteger LAST_ID = new AtomicInteger();

    /** The number of the slot, from 1; zero stands for no slot. */
    final int id;

    /** What the slot does with a call. Read by each call after its frame says that the call is inside. */
    @SuppressWarnings("unused") // BINDING
    private Binding binding;

    MemorySegment pointer = MemorySegment.NULL;

    /** The number of registrations so far. An {@link Upcall} of an older registration has no effect on the slot. */
    int generation;

    /** The source of the last registration; null before the first. */
    @Nullable
    SourceKey source;

    /**
     * Whether the slot was reused before its quarantine was over. Then native code may still call it for an older
     * registration, and after a release only the same source may reuse the slot.
     */
    boolean early;

    /** When the slot became inert, by {@code System.nanoTime}. */
    long retiredAt;

    /**
     * A slot that nothing else has the id of.
     *
     * @throws IllegalStateException if a {@link Frame} has no room for one more
     */
    static Slot create(Binding first) {
        if (LAST_ID.get() >= Frame.MAX_ID) {
            throw new IllegalStateException(
                    "no slot is left: " + Frame.MAX_ID + " callbacks were made that C may still call");
        }
        return new Slot(LAST_ID.incrementAndGet(), first);
    }

    Slot(int id, Binding first) {
        this.id = id;
        this.binding = first;
    }

    Binding binding() {
        return (Binding) BINDING.getAcquire(this);
    }

    void bind(Binding next) {
        BINDING.setVolatile(this, next);
    }

    @Override
    public String toString() {
        return "slot " + id + " (0x" + Long.toHexString(pointer.address()) + ")";
    }

    /** Reports the error that kept a call from reaching its binding. */
    static void notEntered(Throwable thrown, Slot slot) {
        slot.binding().report(thrown);
    }
}
