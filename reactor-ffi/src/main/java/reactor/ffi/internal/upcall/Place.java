package reactor.ffi.internal.upcall;

import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.Trail;

/**
 * One callback in a shared stub. The callback has its slot for as long as its {@link UserData} lives, and until no handler
 * and no late call needs the slot. After that the slot belongs to other user data, although references to this place may
 * still exist. The binding and the generation of the slot are changed under the lock of the slot.
 */
final class Place extends Upcall.Home {

    final Slot slot;
    private final UserData owner;
    private final Boundary boundary;

    /** Whether the callback is retired and all its handlers have left. */
    volatile boolean hasLeft;

    Place(UserData owner, Route route) {
        this.owner = owner;
        this.boundary = route.boundary;
        this.slot = route.slot(owner.token);
    }

    void bind(Upcall upcall) {
        synchronized (slot) {
            if (Trail.isOn()) {
                Trail.log(name(upcall), "binds user data " + Long.toHexString(owner.token) + " to " + slot);
            }
            slot.generation++;
            slot.bind(upcall.binding);
        }
    }

    @Override
    void retire(Upcall upcall, Object keep) {
        synchronized (slot) {
            if (slot.binding() == upcall.binding) {
                if (Trail.isOn()) {
                    Trail.log(name(upcall), "retires " + slot + " of user data " + Long.toHexString(owner.token));
                }
                slot.bind(boundary.inert(upcall.binding, keep));
            }
        }
    }

    /** Does nothing: other user data gets the slot only when this user data needs the slot no more. */
    @Override
    void allowEarlyReuse(Upcall upcall) {}

    @Override
    void release(Upcall upcall) {
        retire(upcall, this);
        silence();
        owner.released();
    }

    @Override
    boolean isReused(Upcall upcall) {
        synchronized (slot) {
            return slot.generation != upcall.generation;
        }
    }

    @Override
    void handlersHaveLeft() {
        hasLeft = true;
    }

    @Override
    boolean isShared() {
        return true;
    }

    /**
     * Returns whether late calls need the fallback, or, if {@code memory}, the memory that C may use as long as C may call.
     */
    boolean isNeeded(boolean memory) {
        Late late = late();
        return late != null
                && late.keep() != null
                && (memory || !late.fallback().equals(boundary.zero));
    }

    /** Lets go of the fallback and of the memory that C may use. */
    void silence() {
        synchronized (slot) {
            Late late = late();
            if (late != null && late.keep() != null) {
                slot.bind(boundary.silent(late.counters(), owner.token));
            }
        }
    }

    @SuppressWarnings("NullAway") // the binding of a registration has a callee
    private static String name(Upcall upcall) {
        return upcall.binding.callee.counters().name();
    }

    /** Returns the target of late calls; null while the callback lives, and once other user data has the slot. */
    private @Nullable Late late() {
        Binding binding = slot.binding();
        return binding.userData == owner.token && binding.target instanceof Late late ? late : null;
    }
}
