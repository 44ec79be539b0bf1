package reactor.ffi.internal.upcall;

import static java.lang.invoke.MethodType.methodType;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.metrics.SourceCounters;

/**
 * The way from a stub into Java and back, for one C function type. It names no user's class that could be unloaded, so that
 * stubs can be pooled by descriptor, and nothing leaves it by a throw. In words:
 *
 * <pre>
 * result stub(Slot slot, arguments...) {
 *     try {
 *         Frame frame = next(slot);                // changes nothing yet, so that what follows can be undone
 *         try {
 *             Binding binding = frame.enter(slot);
 *             try {
 *                 try {
 *                     return binding.invoker(binding.target, arguments...);
 *                 } catch (Throwable thrown) {
 *                     Binding fallback = failed(thrown, binding);
 *                     return fallback.invoker(fallback.target, arguments...);
 *                 }
 *             } catch (Throwable thrown) {       // the fallback's own
 *                 fallbackFailed(thrown, binding);
 *                 return zero;
 *             }
 *         } finally {
 *             frame.leave();
 *         }
 *     } catch (Throwable thrown) {               // no heap, or no stack, to enter
 *         notEntered(thrown, slot);
 *         return zero;
 *     }
 * }
 * </pre>
 *
 * A shared stub has a {@link SlotTable} in place of the slot. Within the outer {@code try} it finds the slot by the user data,
 * which is an argument, and {@code enter} compares that with the binding's.
 */
final class Boundary {

    /** {@code (Throwable, Binding)Binding}. */
    private static final MethodHandle FAILED =
            ready(Binding.class, "failed", methodType(Binding.class, Throwable.class, Binding.class));

    /** {@code (Throwable, Binding)void}. */
    private static final MethodHandle FALLBACK_FAILED =
            ready(Binding.class, "fallbackFailed", methodType(void.class, Throwable.class, Binding.class));

    /** {@code (Throwable, Slot)void}. */
    static final MethodHandle NOT_ENTERED =
            ready(Slot.class, "notEntered", methodType(void.class, Throwable.class, Slot.class));

    /** {@code (Throwable, SlotTable, long)void}. */
    private static final MethodHandle NOT_ENTERED_ROUTED =
            ready(SlotTable.class, "notEntered", methodType(void.class, Throwable.class, SlotTable.class, long.class));

    /** {@code (Slot)Frame}. */
    private static final MethodHandle NEXT = ThreadRecord.NEXT.asType(methodType(Frame.class, Slot.class));

    /** {@code (Slot, SlotTable)Frame}. */
    private static final MethodHandle NEXT_ROUTED =
            ThreadRecord.NEXT_ROUTED.asType(methodType(Frame.class, Slot.class, SlotTable.class));

    /** {@code (Frame, Slot, SlotTable, long)Binding}. */
    private static final MethodHandle ENTER_ROUTED =
            Frame.ENTER_ROUTED.asType(methodType(Binding.class, Frame.class, Slot.class, SlotTable.class, long.class));

    /** {@code (MethodHandle, Binding)boolean}. */
    private static final MethodHandle SAME_INVOKER =
            ready(Binding.class, "sameInvoker", methodType(boolean.class, MethodHandle.class, Binding.class));

    private final MethodHandle zeroResult;

    /** {@code (Binding, arguments...)result}: by the binding's invoker, whichever that is. */
    private final MethodHandle call;

    /** What {@link #entry} has made, by its parameter. Guarded by the lock of the {@link Stubs}. */
    private final Map<MethodHandle, MethodHandle> entries = new HashMap<>();

    /** The last fallback, which answers with the zero of the result. */
    final Binding zero;

    /** The invoker, of type {@code (Object late, arguments...)result}, of an inert slot, whose target is a {@link Late}. */
    final MethodHandle late;

    Boundary(FunctionDescriptor descriptor) {
        MethodType type = descriptor.toMethodType();
        this.zeroResult = zero(descriptor, type);
        this.zero = new Binding(MethodHandles.dropArguments(zeroResult, 0, Object.class), null, null, null, null, null);

        MethodHandle invoke = MethodHandles.filterArguments(
                MethodHandles.exactInvoker(type.insertParameterTypes(0, Object.class)),
                0,
                Binding.INVOKER,
                Binding.TARGET);
        int[] once = new int[type.parameterCount() + 2];
        for (int i = 2; i < once.length; i++) {
            once[i] = i - 1;
        }
        this.call = MethodHandles.permuteArguments(invoke, type.insertParameterTypes(0, Binding.class), once);
        this.late = MethodHandles.filterArguments(call, 0, Late.ANSWER);
    }

    /**
     * Returns the handle to be bound to a slot: {@code (Slot, arguments...)result}, which never throws.
     *
     * @param usual an invoker that is compiled into the stub, and saves the calls that use it a chain of six loads; null if none
     *     may be, because the stub, which lives for ever, would keep the invoker's class loader
     */
    MethodHandle entry(@Nullable MethodHandle usual) {
        return entries.computeIfAbsent(usual == null ? call : usual, _ -> guarded(callBy(usual)));
    }

    /** {@code (Binding, arguments...)result}. */
    private MethodHandle callBy(@Nullable MethodHandle usual) {
        return usual == null
                ? call
                : MethodHandles.guardWithTest(
                        SAME_INVOKER.bindTo(usual), MethodHandles.filterArguments(usual, 0, Binding.TARGET), call);
    }

    private MethodHandle guarded(MethodHandle handler) {
        MethodHandle within = MethodHandles.tryFinally(
                MethodHandles.collectArguments(answered(handler), 0, Frame.ENTER),
                leave(handler.type().returnType()));
        return MethodHandles.catchException(
                MethodHandles.foldArguments(within, NEXT),
                Throwable.class,
                MethodHandles.collectArguments(zeroResult, 0, NOT_ENTERED));
    }

    /** {@code (Binding, arguments...)result}: the handler, else its fallback, else the zero. */
    private MethodHandle answered(MethodHandle handler) {
        MethodHandle rescued =
                MethodHandles.catchException(handler, Throwable.class, MethodHandles.collectArguments(call, 0, FAILED));
        return MethodHandles.catchException(
                rescued, Throwable.class, MethodHandles.collectArguments(zeroResult, 0, FALLBACK_FAILED));
    }

    /**
     * Returns the handle of a stub that registrations share, to be bound to its table: {@code (SlotTable, arguments...)result},
     * which never throws.
     *
     * @param userData the position of the argument that says whose call it is
     * @param usual as in {@link #entry}
     */
    MethodHandle routed(int userData, @Nullable MethodHandle usual) {
        MethodType type = zeroResult.type();
        MethodHandle within = MethodHandles.tryFinally( // (Frame, Slot, SlotTable, long, arguments...)
                MethodHandles.collectArguments(answered(callBy(usual)), 0, ENTER_ROUTED), leave(type.returnType()));
        MethodHandle found = MethodHandles.foldArguments( // (SlotTable, long, arguments...)
                MethodHandles.foldArguments(within, NEXT_ROUTED), SlotTable.FIND);
        MethodHandle guarded = MethodHandles.catchException(
                found, Throwable.class, MethodHandles.collectArguments(zeroResult, 0, NOT_ENTERED_ROUTED));
        int[] order = new int[type.parameterCount() + 2];
        order[1] = userData + 1;
        for (int i = 2; i < order.length; i++) {
            order[i] = i - 1;
        }
        return MethodHandles.permuteArguments(guarded, type.insertParameterTypes(0, SlotTable.class), order);
    }

    /** What a handler's binding is replaced by: counts late calls, and lets its fallback answer them. */
    @SuppressWarnings("NullAway") // the binding of a registration has a callee
    Binding inert(Binding live, Object keep) {
        Binding rescue = live.fallback == null ? zero : live.fallback;
        Late late = new Late(live.callee.counters(), rescue, keep);
        return new Binding(this.late, late, zero, null, rescue.errors, null, live.userData);
    }

    /** As {@link #inert}, but names nobody. */
    Binding silent(SourceCounters counters, long userData) {
        return new Binding(late, new Late(counters, zero, null), zero, null, null, null, userData);
    }

    /**
     * Finds a method that is first called after a failure, when there may be no memory. Initialises the class first: a
     * handle that a class finds in its own initialiser allocates at its first call, to learn that the class is
     * initialised.
     */
    private static MethodHandle ready(Class<?> owner, String name, MethodType type) {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            return lookup.findStatic(lookup.ensureInitialized(owner), name, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** {@code (Throwable, result, Frame)result}. */
    private static MethodHandle leave(Class<?> result) {
        MethodHandle leave = result == void.class
                ? Frame.LEAVE
                : MethodHandles.collectArguments(MethodHandles.identity(result), 1, Frame.LEAVE);
        return MethodHandles.dropArguments(leave, 0, Throwable.class);
    }

    /** {@code (arguments...)result}. */
    private static MethodHandle zero(FunctionDescriptor descriptor, MethodType type) {
        if (!(descriptor.returnLayout().orElse(null) instanceof GroupLayout struct)) {
            return MethodHandles.empty(type);
        }
        MemorySegment zero = Arena.ofAuto().allocate(struct).asReadOnly();
        return MethodHandles.dropArguments(MethodHandles.constant(MemorySegment.class, zero), 0, type.parameterList());
    }
}
