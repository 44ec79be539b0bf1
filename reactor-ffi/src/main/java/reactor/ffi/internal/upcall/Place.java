package reactor.ffi.internal.upcall;

import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.Trail;

/**
 * One callback in a shared stub: its slot for as long as its {@link UserData} lives, and until handlers and late calls are
 * done with it. Then the slot is that of other user data, while somebody may still hold this. The slot is guarded by itself.
 */
final class Place extends Upcall.Home {

    final Slot slot;
    private final UserData owner;
    private final Boundary boundary;

    /** Once retired: no handler runs any more. */
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

    /** Other user data has the slot only when this one has no use for it. */
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

    /** Whether late calls need the fallback, or the memory that C may use as long as it calls. */
    boolean isNeeded(boolean memory) {
        Late late = late();
        return late != null
                && late.keep() != null
                && (memory || !late.fallback().equals(boundary.zero));
    }

    /** Lets go of fallback and memory. */
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

    /** Null while it lives, and once other user data has the slot. */
    private @Nullable Late late() {
        Binding binding = slot.binding();
        return binding.userData == owner.token && binding.target instanceof Late late ? late : null;
    }
}
