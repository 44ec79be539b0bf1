package reactor.ffi.internal.upcall;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.Trail;
import reactor.ffi.internal.metrics.SourceCounters;

/**
 * The stubs of one C function type. A stub is made once, in the global arena, and never freed, because native code may
 * call it at any time. Only the binding of its slot changes: live, then inert, then live again for another registration.
 *
 * <p>A slot is free for reuse at once if its source has released the pointer. Otherwise the slot waits in quarantine,
 * because a late call on a reused slot would reach the wrong handler. A registration takes the first of these that
 * exists: a free slot, a slot whose quarantine is over, a new slot if {@link Ceiling} allows one, the oldest slot of its
 * own source before the quarantine of that slot is over.
 */
public final class Stubs extends Upcall.Home {

    private static final Map<FunctionDescriptor, Stubs> POOLS = new ConcurrentHashMap<>();
    private static final LongAdder REUSED_EARLY = new LongAdder();

    static {
        Sweeper.add(Stubs::sweep);
    }

    private final FunctionDescriptor descriptor;
    private final Boundary boundary;

    /** Slots that native code is done with. */
    @GuardedBy("this")
    private final ArrayDeque<Slot> free = new ArrayDeque<>();

    /** Inert slots that native code may still call. */
    @GuardedBy("this")
    private final Quarantine quarantine = new Quarantine();

    /** How many stubs this pool has made. */
    @GuardedBy("this")
    private int created;

    private Stubs(FunctionDescriptor descriptor) {
        this.descriptor = descriptor;
        this.boundary = new Boundary(descriptor);
        ThreadRecord.prepare();
    }

    static Stubs of(FunctionDescriptor neutral) {
        return POOLS.computeIfAbsent(neutral, Stubs::new);
    }

    /** Returns how many stubs there are. */
    public static int created() {
        return Ceiling.created();
    }

    /** Returns how many slots were reused before their quarantine was over. */
    public static long reusedEarly() {
        return REUSED_EARLY.sum();
    }

    /** Returns how many inert slots wait until they may be reused. */
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
     * @param source whose slots are preferred, and may be reused early
     * @param keep what the fallback of late calls may need: not collected before the slot is reused
     */
    static <F> Upcall open(
            Signature<F> signature,
            MethodHandle entry,
            Object target,
            @Nullable F fallback,
            Callee callee,
            SourceKey source,
            Object keep) {
        return of(signature.neutralDescriptor()).bind(signature, entry, target, fallback, callee, source, keep);
    }

    private synchronized <F> Upcall bind(
            Signature<F> signature,
            MethodHandle entry,
            Object target,
            @Nullable F fallback,
            Callee callee,
            SourceKey source,
            Object keep) {
        Binding binding = binding(boundary, signature, entry, target, fallback, callee, 0);
        Slot slot = take(signature, entry, source);
        Upcall upcall = null;
        try {
            upcall = new Upcall(this, slot, slot.generation + 1, binding, keep);
        } finally {
            if (upcall == null) { // no memory: the pointer was not returned to anybody
                free(slot);
            }
        }
        slot.generation++;
        slot.source = source;
        slot.bind(binding);
        if (Trail.isOn()) {
            Trail.log(callee.counters().name(), "binds " + signature.name() + " to " + slot);
        }
        return upcall;
    }

    /** Binds a handler, to be put into a slot: see {@link #open}. */
    static <F> Binding binding(
            Boundary boundary,
            Signature<F> signature,
            MethodHandle entry,
            Object target,
            @Nullable F fallback,
            Callee callee,
            long userData) {
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
        return new Binding(entry, target, rescue, callee, errors, loader(signature.type()), userData);
    }

    /** Returns the context class loader of the registering thread, which its frameworks expect to find in a callback too. */
    private static @Nullable ClassLoader loader(Class<?> type) {
        ClassLoader context = Thread.currentThread().getContextClassLoader();
        return context != null ? context : type.getClassLoader();
    }

    @GuardedBy("this")
    private Slot take(Signature<?> signature, MethodHandle entry, SourceKey source) {
        Slot slot = free.pollLast();
        if (slot == null) {
            slot = takeDue(source);
        }
        OutOfMemoryError full = null;
        if (slot == null && Ceiling.claim(created, quarantine.offered(source))) {
            try {
                return create(signature, entry);
            } catch (OutOfMemoryError e) {
                Ceiling.full();
                full = e;
            }
        }
        if (slot == null) {
            slot = takeEarly(source);
        }
        if (slot == null) {
            throw noneLeft(signature, full);
        }
        return slot;
    }

    @GuardedBy("this")
    private @Nullable Slot takeDue(SourceKey source) {
        Slot slot = quarantine.takeDue(source);
        if (slot != null) {
            slot.early = false;
        }
        return slot;
    }

    @GuardedBy("this")
    private @Nullable Slot takeEarly(SourceKey source) {
        Slot slot = quarantine.takeEarly(source);
        if (slot != null) {
            slot.early = true;
            REUSED_EARLY.increment();
            if (Trail.isOn()) {
                Trail.log("reactor-ffi", "reuses " + slot + " before its quarantine is over");
            }
        }
        return slot;
    }

    @GuardedBy("this")
    private IllegalStateException noneLeft(Signature<?> signature, @Nullable OutOfMemoryError full) {
        return new IllegalStateException(
                "no stub is left for " + signature.name() + ": of the JVM's " + Ceiling.created() + ", " + created
                        + " are of this C type, and " + quarantine.size()
                        + " of these wait until C can be done with them."
                        + " Pointers that native code is done with are reused at once if their source says so: call"
                        + " sink.release(pointer) or callback.release(), or pass sink.releaseNotify() to the library. The"
                        + " ceiling is an eighth of the code cache (-XX:ReservedCodeCacheSize), or the system property"
                        + " reactor.ffi.stubs.limit",
                full);
    }

    @GuardedBy("this")
    private Slot create(Signature<?> signature, MethodHandle entry) {
        Slot slot = null;
        MethodHandle guarded;
        try {
            guarded = boundary.entry(signature.isForEver() ? entry : null);
            slot = Slot.create(boundary.zero);
        } finally {
            if (slot == null) {
                Ceiling.giveBack();
            }
        }
        slot.pointer = stub(guarded, slot, descriptor, signature);
        created++;
        return slot;
    }

    /**
     * Makes a stub that registrations share. It counts as one of all, and is in no pool.
     *
     * @param entry what a call invokes with the route and the arguments
     */
    static MemorySegment share(
            MethodHandle entry, Object route, FunctionDescriptor descriptor, Signature<?> signature) {
        OutOfMemoryError full = null;
        if (Ceiling.claim(0, 0)) {
            try {
                return stub(entry, route, descriptor, signature);
            } catch (OutOfMemoryError e) {
                Ceiling.full();
                full = e;
            }
        }
        throw new IllegalStateException(
                "no stub is left for " + signature.name() + ", which all user data would share: the JVM has "
                        + Ceiling.created()
                        + ". The ceiling is an eighth of the code cache (-XX:ReservedCodeCacheSize), or the"
                        + " system property reactor.ffi.stubs.limit",
                full);
    }

    /** Makes a stub that was claimed, or gives the claim back. */
    @SuppressWarnings("restricted")
    private static MemorySegment stub(
            MethodHandle entry, Object first, FunctionDescriptor descriptor, Signature<?> signature) {
        boolean made = false;
        try {
            MemorySegment stub = Linker.nativeLinker().upcallStub(entry.bindTo(first), descriptor, Arena.global());
            made = true;
            return stub;
        } catch (IllegalCallerException denied) {
            throw NativeAccess.denied(signature.name(), denied);
        } catch (IllegalArgumentException unsupported) {
            throw signature.unsupported(unsupported);
        } finally {
            if (!made) {
                Ceiling.giveBack();
            }
        }
    }

    @Override
    synchronized void retire(Upcall upcall, Object keep) {
        Slot slot = upcall.slot;
        if (slot.generation != upcall.generation || slot.binding() != upcall.binding) {
            return;
        }
        slot.bind(boundary.inert(upcall.binding, keep));
        quarantine(slot);
        if (Trail.isOn()) {
            Trail.log(callee(upcall.binding).counters().name(), "retires " + slot);
        }
        Sweeper.request();
    }

    @Override
    synchronized void allowEarlyReuse(Upcall upcall) {
        if (upcall.slot.generation == upcall.generation) {
            quarantine.offer(upcall.slot);
        }
    }

    @Override
    synchronized void release(Upcall upcall) {
        Slot slot = upcall.slot;
        if (slot.generation != upcall.generation) {
            return;
        }
        if (slot.binding() == upcall.binding || quarantine.remove(slot)) {
            SourceCounters counters = callee(upcall.binding).counters();
            silence(slot, counters);
            free(slot);
            if (Trail.isOn()) {
                Trail.log(counters.name(), "releases " + slot);
            }
        }
    }

    /** Frees a slot when native code is done with the slot's last registration. */
    @GuardedBy("this")
    private void free(Slot slot) {
        if (slot.early) {
            quarantine(slot);
            quarantine.offer(slot);
        } else {
            free.addLast(slot);
        }
    }

    @GuardedBy("this")
    private void quarantine(Slot slot) {
        slot.retiredAt = System.nanoTime();
        quarantine.add(slot);
    }

    @Override
    synchronized boolean isReused(Upcall upcall) {
        return upcall.slot.generation != upcall.generation;
    }

    /** Binds a slot so that it refers to no user's object any more. */
    private void silence(Slot slot, SourceCounters counters) {
        slot.bind(boundary.silent(counters, 0));
    }

    /**
     * Drops the fallbacks of slots whose quarantine is over, and what the fallbacks refer to.
     *
     * @return whether there are slots whose quarantine is not over
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

    @SuppressWarnings("NullAway") // the binding of a registration has a callee
    private static Callee callee(Binding binding) {
        return binding.callee;
    }
}
