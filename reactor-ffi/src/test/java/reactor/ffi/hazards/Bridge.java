package reactor.ffi.hazards;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeCallback;
import reactor.ffi.fixture.BareStub;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;

/**
 * The same program twice: over a bare upcall of the JDK, which is the library with its guard taken away, and over the
 * library. What the first one dies of is the hazard.
 */
enum Bridge {
    BARE {
        @Override
        <F> MemorySegment pointer(Class<F> type, F handler) {
            return BareStub.of(type, handler);
        }

        @Override
        <F> MemorySegment pointer(Class<F> type, F handler, FunctionDescriptor descriptor) {
            return BareStub.of(type, handler, descriptor);
        }
    },
    OURS {
        @Override
        <F> MemorySegment pointer(Class<F> type, F handler) {
            return kept(NativeCallback.direct(type, handler));
        }

        @Override
        <F> MemorySegment pointer(Class<F> type, F handler, FunctionDescriptor descriptor) {
            return kept(NativeCallback.direct(
                    CallbackOptions.named("ours"), CallbackType.of(type).descriptor(descriptor), handler, null));
        }
    };

    /** Else each would be reported when it is collected. */
    private static final Queue<NativeCallback<?>> KEPT = new ConcurrentLinkedQueue<>();

    /** How long a program may take that is expected to hang: it says so before it does. */
    static final Duration HANGS_WITHIN = Duration.ofSeconds(4);

    private static MemorySegment kept(NativeCallback<?> callback) {
        KEPT.add(callback);
        return callback.pointer();
    }

    /** The first argument of a program. */
    static Bridge of(String[] arguments) {
        return valueOf(arguments[0]);
    }

    abstract <F> MemorySegment pointer(Class<F> type, F handler);

    abstract <F> MemorySegment pointer(Class<F> type, F handler, FunctionDescriptor descriptor);

    ForkedJvmResult run(Class<?> program, String... arguments) {
        return jvm(program, arguments).run();
    }

    ForkedJvm jvm(Class<?> program, String... arguments) {
        return ForkedJvm.of(program)
                .jvmOptions("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
                .arguments(name())
                .arguments(arguments);
    }
}
