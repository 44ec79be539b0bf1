package reactor.ffi.internal.upcall;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.Trail;
import reactor.ffi.internal.metrics.SourceCounters;

/**
 * What a slot does with a call: a handle of type {@code (Object target, arguments...)result}, and its target. A slot holds
 * one at a time and changes all of it with one store.
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

    /** Answers where this cannot: the user's fallback, then a zero. Null in the last one, which only returns a zero. */
    final @Nullable Binding fallback;

    /** Who is told. Null in a binding that is itself a fallback, or inert. */
    final @Nullable Callee callee;

    /** Who hears of what the fallback throws, see {@link Callee#fallbackErrors}. Null without one. */
    final @Nullable Consumer<? super Throwable> errors;

    /** The context class loader of native threads that come here. Null: leave theirs as it is. */
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
     * A call that lies on top of so many others that the stack has no room for its handler: it is reported, and the fallback
     * answers.
     */
    Binding tooDeep(int level) {
        if (callee == null || fallback == null) {
            return this;
        }
        callee.counters().countRefusedCall();
        try {
            callee.callRefused(whyTooDeep(callee.counters().name(), level));
        } catch (Throwable nobodyLeftToTell) {
            // there is neither memory nor stack to say it
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

    /** The last fallback, which runs nobody's code. Only counted: the call below it has been reported. */
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

    /** Reports what a handler threw, and says what answers instead. */
    static Binding failed(Throwable thrown, Binding binding) throws Throwable {
        if (binding.callee == null || binding.fallback == null) {
            throw thrown; // a fallback that fails: zero
        }
        binding.report(thrown);
        return binding.fallback;
    }

    /**
     * Reports what a fallback threw.
     *
     * @param binding what the call came to: a live one, the fallback of a refused call, or an inert one
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

    /** Allocates nothing: the heap, or the stack, may be at its end. */
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
                // whoever should hear of it has failed, too; native code must not
            }
        }
    }
}
