package reactor.ffi.internal.upcall;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * One registration of a handler: the pointer that native code is given, until it is retired. All methods may be called from
 * any thread, any number of times.
 */
public final class Upcall {

    private final Stubs stubs;
    final Slot slot;
    final int generation;
    final Binding binding;
    private final Object keep;

    Upcall(Stubs stubs, Slot slot, int generation, Binding binding, Object keep) {
        this.stubs = stubs;
        this.slot = slot;
        this.generation = generation;
        this.binding = binding;
        this.keep = keep;
    }

    /** The C function pointer: callable for the life of the process. */
    public MemorySegment pointer() {
        return slot.pointer;
    }

    /** Makes it inert: later calls get the fallback, and are counted. Calls that are inside run on. */
    public void retire() {
        stubs.retire(this, keep);
    }

    /**
     * Once retired and left by its handlers: lets a later registration of the same source have its slot before the quarantine
     * is over, where the source has many such slots or no other can be made.
     */
    public void allowEarlyReuse() {
        stubs.allowEarlyReuse(this);
    }

    /** Native code is done with the pointer: makes it inert, and its slot may be reused at once. */
    public void release() {
        stubs.release(this);
    }

    /**
     * Once retired: waits until no handler runs any more, but for those on the calling thread's own stack. Calls that come
     * later, late or for the next that the slot is bound to, are not waited for.
     *
     * @return false if one still runs after that many nanoseconds
     */
    public boolean awaitLeft(long nanos) {
        List<ThreadRecord.Call> inside = NativeThreads.inside(slot.id);
        return stubs.isReused(this) || NativeThreads.awaitLeft(inside, nanos);
    }

    /** Once retired: whether no call is inside now, on the calling thread's own stack either. */
    public boolean hasLeft() {
        return NativeThreads.inside(slot.id).isEmpty();
    }

    /** Whether a handler of it is on that thread's stack. */
    public boolean isInside(Thread thread) {
        return NativeThreads.inside(slot.id).stream()
                        .anyMatch(call -> call.record().isOf(thread))
                && !stubs.isReused(this);
    }
}
