package reactor.ffi.internal.upcall;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What C hands back to the callbacks of one registration, which is a sink or an answered callback. The callbacks share their
 * stubs with the callbacks of all other user data. The k-th callback of a C type is in the k-th shared stub of that type, so
 * that one user data serves several callbacks.
 *
 * <p>All methods except {@link #segment} are called under the lock of the registration.
 */
public final class UserData {

    final long token;

    /** When the registration ended, in nanoTime. Accessed under the lock of {@link Lives}. */
    long endedAt;

    /** Whether the registration has ended. Accessed under the lock of {@link Lives}. */
    boolean hasEnded;

    private final MemorySegment segment;

    /** How many callbacks of each C type were made, including released ones. */
    private final Map<Routes, Integer> made = new HashMap<>(2);

    private final List<Place> places = new ArrayList<>(1);

    private UserData(long token) {
        this.token = token;
        this.segment = MemorySegment.ofAddress(token);
    }

    /**
     * Takes user data that no C code has seen yet.
     *
     * @throws IllegalStateException if no user data is left
     */
    public static UserData take() {
        return new UserData(Lives.all().take());
    }

    /** Returns what to pass to C: an address at which there is no memory. */
    public MemorySegment segment() {
        return segment;
    }

    /**
     * As {@link #open(Signature, MethodHandle, Object, Object, Callee, Object)}, of a handler that is called as its interface
     * says.
     */
    public <F> Upcall open(Signature<F> signature, F handler, @Nullable F fallback, Callee callee, Object keep) {
        return open(signature, signature.invoker(), signature.instance(handler, "handler"), fallback, callee, keep);
    }

    /**
     * Binds a shared pointer to a handler, for calls with this user data.
     *
     * @param entry the handle that a call invokes with the target and the arguments
     * @param fallback answers late calls, and calls whose handler throws; null: the zero of the result
     * @param keep an object with memory that C may use as long as C may call; not collected before {@link #end} and the
     *     end of the quarantine after that
     */
    public <F> Upcall open(
            Signature<F> signature,
            MethodHandle entry,
            Object target,
            @Nullable F fallback,
            Callee callee,
            Object keep) {
        Routes routes = Routes.of(signature);
        int ordinal = made.getOrDefault(routes, 0);
        Route route = routes.get(signature, ordinal, entry);
        Binding binding = Stubs.binding(routes.boundary, signature, entry, target, fallback, callee, token);
        Place place = new Place(this, route);
        Upcall upcall = new Upcall(place, place.slot, place.slot.generation + 1, binding, keep);
        made.put(routes, ordinal + 1);
        places.add(place);
        place.bind(upcall);
        return upcall;
    }

    /**
     * Ends the user data, because the registration has ended. All callbacks are retired or released by then.
     *
     * @param keeps whether there is memory that C may use as long as it may call
     */
    public void end(boolean keeps) {
        boolean needed = false;
        for (Place place : places) {
            needed |= place.isNeeded(keeps);
        }
        if (!needed) {
            silence(); // else the slots would keep an answered callback's handler until the index has its next life
        }
        Lives.all().end(this, needed);
    }

    /** Called when a callback was released. Lets go of the user data once no callback is left that late calls need. */
    void released() {
        for (Place place : places) {
            if (place.isNeeded(true)) {
                return;
            }
        }
        Lives.all().letGo(this);
    }

    /** Lets go of all fallbacks, and of the memory that C may use. */
    void silence() {
        places.forEach(Place::silence);
    }

    /** Returns whether all handlers are known to have left. */
    boolean hasLeft() {
        for (Place place : places) {
            if (!place.hasLeft) {
                return false;
            }
        }
        return true;
    }

    /**
     * Returns whether no thread is inside one of these callbacks; {@code held} are the slots that some thread is inside of.
     */
    boolean isOutside(Set<Integer> held) {
        for (Place place : places) {
            if (held.contains(place.slot.id)) {
                return false;
            }
        }
        return true;
    }
}
