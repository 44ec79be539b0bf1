package reactor.ffi.internal.upcall;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.Trail;
import reactor.ffi.internal.metrics.SourceCounters;

/**
 * What a slot does with a call: a handle of type {@code (Object target, arguments...)result}, and the target. Immutable;
 * a slot refers to one binding at a time, so that one store changes all of it.
 */
final class Binding {

    static final MethodHandle INVOKER;
    static final MethodHandle TARGET;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            INVOKER = lookup.findGetter(Binding.class, "invoker", MethodHandle.class);
            TARGET = lookup.findGetter(Binding.class, "target", Object.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
        boolean _ = isRefusal(new Throwable()); // loads the class: later there may be no memory for that
    }

    final MethodHandle invoker;
    final @Nullable Object target;

    /** The binding that answers if this one fails: the user's fallback, then one that returns zero. Null in the last one. */
    final @Nullable Binding fallback;

    /** The owner, which is told of failures. Null in the binding of a fallback or of an inert slot. */
    final @Nullable Callee callee;

    /** Consumes what the fallback throws, see {@link Callee#fallbackErrors}. Null if there is no fallback. */
    final @Nullable Consumer<? super Throwable> errors;

    /** The context class loader that native threads get for a call. Null leaves theirs unchanged. */
    final @Nullable ClassLoader loader;

    /** In a shared stub: which calls are for it. Else zero. */
    final long userData;

    Binding(
            MethodHandle invoker,
            @Nullable Object target,
            @Nullable Binding fallback,
            @Nullable Callee callee,
            @Nullable Consumer<? super Throwable> errors,
            @Nullable ClassLoader loader) {
        this(invoker, target, fallback, callee, errors, loader, 0);
    }

    Binding(
            MethodHandle invoker,
            @Nullable Object target,
            @Nullable Binding fallback,
            @Nullable Callee callee,
            @Nullable Consumer<? super Throwable> errors,
            @Nullable ClassLoader loader,
            long userData) {
        this.invoker = invoker;
        this.target = target;
        this.fallback = fallback;
        this.callee = callee;
        this.errors = errors;
        this.loader = loader;
        this.userData = userData;
    }

    /** Whether a binding has this invoker. */
    @SuppressWarnings({"unused", "ReferenceEquality"}) // Boundary; a method handle is the same one or another
    static boolean sameInvoker(MethodHandle invoker, Binding binding) {
        return binding.invoker == invoker;
    }

    /**
     * Reports a call for whose handler the stack has no room, because it lies on top of too many others; returns the
     * fallback that answers.
     */
    Binding tooDeep(int level) {
        if (callee == null || fallback == null) {
            return this;
        }
        callee.counters().countRefusedCall();
        try {
            callee.callRefused(whyTooDeep(callee.counters().name(), level));
        } catch (Throwable nobodyLeftToTell) {
            // there is neither memory nor stack to report it
        }
        return fallback;
    }

    static RejectedExecutionException whyTooDeep(String name, int level) {
        return new RejectedExecutionException("a call of " + name + " was one too deep, and got the fallback: " + level
                + " calls from C into Java lie on the stack of "
                + Thread.currentThread().getName() + " already, "
                + (level < Limits.NESTING
                        ? "and it has no room for another. Give that thread a larger stack"
                        : "as many as the system property reactor.ffi.nesting.limit allows"));
    }

    /**
     * Returns the last fallback, which runs no user's code. The call is only counted, because the call below it was
     * reported.
     */
    Binding refuseUnreported() {
        if (callee != null) {
            callee.counters().countRefusedCall();
        }
        Binding answer = this;
        while (answer.fallback != null) {
            answer = answer.fallback;
        }
        return answer;
    }

    /** Reports what a handler threw; returns the fallback that answers. */
    static Binding failed(Throwable thrown, Binding binding) throws Throwable {
        if (binding.callee == null || binding.fallback == null) {
            throw thrown; // a fallback that fails: the boundary answers zero
        }
        binding.report(thrown);
        return binding.fallback;
    }

    /**
     * Reports what a fallback threw.
     *
     * @param binding the binding of the call: a live one, the fallback of a refused call, or an inert one
     */
    static void fallbackFailed(Throwable thrown, Binding binding) {
        if (binding.errors != null) {
            try {
                binding.errors.accept(thrown);
            } catch (Throwable nobodyLeftToTell) {
                // as of a handler
            }
        }
    }

    private static boolean isRefusal(Throwable thrown) {
        return thrown instanceof Refusal;
    }

    /** Counts and reports what a handler threw. Allocates nothing: the heap or the stack may be full. */
    void report(Throwable thrown) {
        if (callee != null) {
            try {
                SourceCounters counters = callee.counters();
                if (isRefusal(thrown)) {
                    counters.countRefusedCall();
                    if (Trail.isOn()) {
                        Trail.log(counters.name(), "refuses a call: " + thrown.getMessage());
                    }
                    callee.callRefused(thrown.getCause());
                } else {
                    counters.countFailedCall();
                    callee.handlerFailed(thrown);
                }
            } catch (Throwable nobodyLeftToTell) {
                // the callee has failed, too; the error must not reach native code
            }
        }
    }
}
