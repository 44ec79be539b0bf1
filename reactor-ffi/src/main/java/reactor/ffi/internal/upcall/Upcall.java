package reactor.ffi.internal.upcall;

import java.lang.foreign.MemorySegment;
import java.util.List;
import reactor.ffi.internal.FunctionPointer;

/**
 * One binding of a handler to a slot: native code gets the slot's pointer, and calls reach the handler until the binding
 * is retired. All methods may be called from any thread, any number of times.
 */
public final class Upcall implements FunctionPointer {

    /** Where its slot is: in the pool of a C type, or in a shared stub. */
    abstract static class Home {

        /** See {@link Upcall#retire}. */
        abstract void retire(Upcall upcall, Object keep);

        /** See {@link Upcall#allowEarlyReuse}. */
        abstract void allowEarlyReuse(Upcall upcall);

        /** See {@link Upcall#release}. */
        abstract void release(Upcall upcall);

        /** Whether the slot is that of another registration meanwhile. */
        abstract boolean isReused(Upcall upcall);

        /** The slot was inert, and no call was inside. */
        void handlersHaveLeft() {}

        /** See {@link Upcall#hasUserData}. */
        boolean isShared() {
            return false;
        }
    }

    private final Home home;
    final Slot slot;
    final int generation;
    final Binding binding;
    private final Object keep;

    Upcall(Home home, Slot slot, int generation, Binding binding, Object keep) {
        this.home = home;
        this.slot = slot;
        this.generation = generation;
        this.binding = binding;
        this.keep = keep;
    }

    /** Returns the C function pointer, which may be called for the life of the process. */
    @Override
    public MemorySegment pointer() {
        return slot.pointer;
    }

    /** Returns whether the pointer is shared, so that C has to hand user data back. */
    public boolean hasUserData() {
        return home.isShared();
    }

    /** Makes the slot inert: later calls get the fallback and are counted as late. Calls that are inside run on. */
    @Override
    public void retire() {
        home.retire(this, keep);
    }

    /**
     * Lets a later registration of the same source take the slot before its quarantine is over, if the source has many
     * such slots or no stub can be made. Called once the handlers of a retired binding have left.
     */
    public void allowEarlyReuse() {
        home.allowEarlyReuse(this);
    }

    /** Makes the slot inert and free for reuse at once. Called when native code is done with the pointer. */
    @Override
    public void release() {
        home.release(this);
    }

    /**
     * Waits until the handlers of a retired binding have left, except for those on the calling thread's own stack. Does
     * not wait for calls that come later, whether they are late or belong to the slot's next binding.
     *
     * @return false if a handler still runs after that many nanoseconds
     */
    public boolean awaitLeft(long nanos) {
        List<ThreadRecord.Call> inside = NativeThreads.inside(slot.id);
        if (home.isReused(this)) {
            return true;
        }
        boolean left = NativeThreads.awaitLeft(inside, nanos);
        if (inside.stream().allMatch(ThreadRecord.Call::isOver)) { // the calling thread's own too
            home.handlersHaveLeft();
        }
        return left;
    }

    /** Returns whether no call of a retired binding is inside, on the calling thread's own stack either. */
    public boolean hasLeft() {
        boolean left = NativeThreads.inside(slot.id).isEmpty();
        if (left) {
            home.handlersHaveLeft();
        }
        return left;
    }

    /** Returns whether a handler of this binding is on a thread's stack. */
    public boolean isInside(Thread thread) {
        return NativeThreads.inside(slot.id).stream()
                        .anyMatch(call -> call.record().isOf(thread))
                && !home.isReused(this);
    }
}
