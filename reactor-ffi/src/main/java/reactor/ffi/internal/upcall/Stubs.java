package reactor.ffi.internal.upcall;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.util.ArrayDeque;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The stubs of one C function type. A stub is made once, in the global arena, and never freed: native code may call it at
 * any time. What changes is the binding of its slot: live, then inert, and one day live again, for somebody else.
 *
 * <p>A slot is free for reuse at once when its source said that native code is done with it. Otherwise it waits in
 * quarantine, oldest first, because a late call on a reused slot would reach the wrong handler.
 */
public final class Stubs {

    private static final Map<FunctionDescriptor, Stubs> POOLS = new ConcurrentHashMap<>();
    private static final AtomicInteger CREATED = new AtomicInteger();
    private static final AtomicInteger LAST_ID = new AtomicInteger();
    private static final LongAdder REUSED_EARLY = new LongAdder();

    private final FunctionDescriptor descriptor;
    private final Boundary boundary;

    /** Slots that native code is done with. Guarded by this, as all that follows. */
    private final ArrayDeque<Slot> free = new ArrayDeque<>();

    /** Inert slots that native code may still call, oldest first. */
    private final LinkedHashSet<Slot> quarantine = new LinkedHashSet<>();

    private Stubs(FunctionDescriptor descriptor) {
        this.descriptor = descriptor;
        this.boundary = new Boundary(descriptor);
        ThreadRecord.prepare();
    }

    static Stubs of(FunctionDescriptor neutral) {
        return POOLS.computeIfAbsent(neutral, Stubs::new);
    }

    /** How many stubs there are. */
    public static int created() {
        return CREATED.get();
    }

    /** How many slots were reused before their quarantine was over, because of the ceiling. */
    public static long reusedEarly() {
        return REUSED_EARLY.sum();
    }

    /** How many inert slots wait until they may be reused. */
    public static int quarantined() {
        int sum = 0;
        for (Stubs stubs : POOLS.values()) {
            synchronized (stubs) {
                sum += stubs.quarantine.size();
            }
        }
        return sum;
    }

    /**
     * Binds a slot to a handler.
     *
     * @param entry what a call invokes with the target and the arguments: the signature's invoker with the handler, or a way
     *     around it
     * @param fallback what answers when the handler throws, and late calls; null: the zero of the result
     * @param source reuse prefers slots of the same source
     * @param keep what the fallback of late calls may need: not collected before the slot is reused
     */
    static <F> Upcall open(
            Signature<F> signature,
            MethodHandle entry,
            Object target,
            @Nullable F fallback,
            Callee callee,
            long source,
            Object keep) {
        return of(signature.neutralDescriptor()).bind(signature, entry, target, fallback, callee, source, keep);
    }

    private synchronized <F> Upcall bind(
            Signature<F> signature,
            MethodHandle entry,
            Object target,
            @Nullable F fallback,
            Callee callee,
            long source,
            Object keep) {
        Consumer<? super Throwable> errors = fallback == null ? null : callee.fallbackErrors();
        Binding rescue = fallback == null
                ? boundary.zero
                : new Binding(
                        signature.invoker(),
                        signature.instance(fallback, "fallback"),
                        boundary.zero,
                        null,
                        errors,
                        null);
        Binding binding = new Binding(entry, target, rescue, callee, errors, loader(signature.type()));
        Slot slot = take(signature, source);
        slot.generation++;
        slot.source = source;
        slot.bind(binding);
        return new Upcall(this, slot, binding, keep);
    }

    /** The context class loader of the registering thread: what its frameworks expect to find in a callback too. */
    private static @Nullable ClassLoader loader(Class<?> type) {
        ClassLoader context = Thread.currentThread().getContextClassLoader();
        return context != null ? context : type.getClassLoader();
    }

    private Slot take(Signature<?> signature, long source) {
        Slot slot = free.pollLast();
        if (slot == null) {
            slot = takeFromQuarantine(source);
        }
        if (slot == null && mayCreate()) {
            return create(signature);
        }
        if (slot == null) {
            slot = takeEarly(source);
        }
        if (slot == null) {
            throw new IllegalStateException("no stub is left for " + signature.name() + ": there are " + CREATED
                    + ", the ceiling (system property reactor.ffi.stubs.limit). Pointers that native code is done with are"
                    + " reused at once if the source says so: call sink.released(pointer), or pass sink.releaseNotify() to"
                    + " the library");
        }
        return slot;
    }

    private static boolean mayCreate() {
        int created = CREATED.getAndUpdate(n -> n < Limits.STUBS ? n + 1 : n);
        return created < Limits.STUBS;
    }

    /** The oldest that waited long enough; one of the same source first, because its late calls would mean the same. */
    private @Nullable Slot takeFromQuarantine(long source) {
        long now = System.nanoTime();
        int left = quarantine.size() - Limits.QUARANTINE_DEPTH;
        Slot oldest = null;
        for (Slot slot : quarantine) {
            if (left-- <= 0 || now - slot.retiredAt < Limits.QUARANTINE) {
                break;
            }
            if (slot.source == source) {
                quarantine.remove(slot);
                return slot;
            }
            oldest = oldest == null ? slot : oldest;
        }
        if (oldest != null) {
            quarantine.remove(oldest);
        }
        return oldest;
    }

    private @Nullable Slot takeEarly(long source) {
        for (Slot slot : quarantine) {
            if (slot.source == source) {
                quarantine.remove(slot);
                REUSED_EARLY.increment();
                return slot;
            }
        }
        return null;
    }

    @SuppressWarnings("restricted")
    private Slot create(Signature<?> signature) {
        Slot slot = new Slot(LAST_ID.incrementAndGet(), boundary.zero);
        boolean created = false;
        try {
            slot.pointer = Linker.nativeLinker().upcallStub(boundary.entry.bindTo(slot), descriptor, Arena.global());
            created = true;
            return slot;
        } catch (IllegalCallerException denied) {
            throw NativeAccess.denied(signature.name(), denied);
        } catch (IllegalArgumentException unsupported) {
            throw signature.unsupported(unsupported);
        } finally {
            if (!created) {
                CREATED.decrementAndGet();
            }
        }
    }

    synchronized void retire(Upcall upcall, Object keep) {
        Slot slot = upcall.slot;
        if (slot.generation != upcall.generation || slot.binding() != upcall.binding) {
            return;
        }
        Callee callee = callee(upcall.binding);
        Binding rescue = upcall.binding.fallback == null ? boundary.zero : upcall.binding.fallback;
        Late late = new Late(callee.counters(), rescue, keep);
        slot.bind(new Binding(boundary.late, late, boundary.zero, null, rescue.errors, null));
        slot.retiredAt = System.nanoTime();
        quarantine.add(slot);
        Sweeper.request();
    }

    synchronized void release(Upcall upcall) {
        Slot slot = upcall.slot;
        if (slot.generation != upcall.generation) {
            return;
        }
        if (slot.binding() == upcall.binding || quarantine.remove(slot)) {
            silence(slot, callee(upcall.binding).counters());
            free.addLast(slot);
        }
    }

    synchronized boolean isReused(Upcall upcall) {
        return upcall.slot.generation != upcall.generation;
    }

    /** What answers from now on names nobody. */
    private void silence(Slot slot, CallCounters counters) {
        slot.bind(new Binding(boundary.late, new Late(counters, boundary.zero, null), boundary.zero, null, null, null));
    }

    /**
     * Lets go of the fallbacks, and of what they keep, where the quarantine is over.
     *
     * @return whether there are others, for which it is not
     */
    static boolean sweep() {
        boolean younger = false;
        for (Stubs stubs : POOLS.values()) {
            younger |= stubs.sweepOwn();
        }
        return younger;
    }

    private synchronized boolean sweepOwn() {
        long now = System.nanoTime();
        for (Slot slot : quarantine) {
            if (now - slot.retiredAt < Limits.QUARANTINE) {
                return true;
            }
            if (slot.binding().target instanceof Late late && late.keep() != null) {
                silence(slot, late.counters());
            }
        }
        return false;
    }

    @SuppressWarnings("NullAway") // the binding of a registration has one
    private static Callee callee(Binding binding) {
        return binding.callee;
    }
}
