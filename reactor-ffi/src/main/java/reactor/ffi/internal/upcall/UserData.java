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
 * What C hands back to the callbacks of one registration: a sink, or one answered callback. The callbacks share their stubs
 * with those of all other user data. The k-th callback of a C type is in the k-th stub of that type, so that one user data
 * serves several callbacks.
 *
 * <p>Its methods are called under its owner's lock, but for {@link #segment}.
 */
public final class UserData {

    final long token;

    /** When it ended. This and the next are guarded by {@link Lives}. */
    long endedAt;

    boolean hasEnded;

    private final MemorySegment segment;

    /** How many callbacks of each C type were made, released ones too. */
    private final Map<Routes, Integer> made = new HashMap<>(2);

    private final List<Place> places = new ArrayList<>(1);

    private UserData(long token) {
        this.token = token;
        this.segment = MemorySegment.ofAddress(token);
    }

    /**
     * Takes user data of which nobody knows yet.
     *
     * @throws IllegalStateException if no user data is left
     */
    public static UserData take() {
        return new UserData(Lives.all().take());
    }

    /** What to pass to C. No memory: an address that is none. */
    public MemorySegment segment() {
        return segment;
    }

    /** See {@link #open(Signature, MethodHandle, Object, Object, Callee, Object)}. */
    public <F> Upcall open(Signature<F> signature, F handler, @Nullable F fallback, Callee callee, Object keep) {
        return open(signature, signature.invoker(), signature.instance(handler, "handler"), fallback, callee, keep);
    }

    /**
     * Binds a shared pointer to a handler, for calls with this user data.
     *
     * @param entry what a call invokes with the target and the arguments
     * @param fallback what answers when the handler throws, and late calls; null: the zero of the result
     * @param keep what C may use as long as it may call: not collected before {@link #end}, and the quarantine after it
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
        Route route = routes.get(signature, ordinal);
        Binding binding = Stubs.binding(routes.boundary, signature, entry, target, fallback, callee, token);
        Place place = new Place(this, route);
        Upcall upcall = new Upcall(place, place.slot, place.slot.generation + 1, binding, keep);
        made.put(routes, ordinal + 1);
        places.add(place);
        place.bind(upcall);
        return upcall;
    }

    /**
     * The registration has ended: all callbacks are retired or released.
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

    /** A callback was released. Once ended, and with no other that late calls need, nothing is kept. */
    void released() {
        for (Place place : places) {
            if (place.isNeeded(true)) {
                return;
            }
        }
        Lives.all().letGo(this);
    }

    /** Lets go of what late calls need. */
    void silence() {
        places.forEach(Place::silence);
    }

    /** Whether all handlers are known to have left. */
    boolean hasLeft() {
        for (Place place : places) {
            if (!place.hasLeft) {
                return false;
            }
        }
        return true;
    }

    boolean isOutside(Set<Integer> held) {
        for (Place place : places) {
            if (held.contains(place.slot.id)) {
                return false;
            }
        }
        return true;
    }
}
