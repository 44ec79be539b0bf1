package reactor.ffi.internal.upcall;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.Trail;
import reactor.ffi.internal.metrics.SourceCounters;

/**
 * The target of an inert slot: counts the call, and lets the fallback answer.
 *
 * @param counters where the call counts
 * @param fallback what answers
 * @param keep what the fallback may still read, such as the registration's arena
 */
record Late(
        SourceCounters counters, Binding fallback, @Nullable Object keep) {

    /** {@code (Object)Binding}. */
    static final MethodHandle ANSWER;

    static {
        try {
            ANSWER = MethodHandles.lookup()
                    .findVirtual(Late.class, "answer", methodType(Binding.class))
                    .asType(methodType(Binding.class, Object.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @SuppressWarnings("unused") // ANSWER
    private Binding answer() {
        counters.countLateCall();
        NativeThreads.sawLateCall();
        if (Trail.isOn()) {
            Trail.log(counters.name(), "answers a late call with the fallback");
        }
        return fallback;
    }
}
