package reactor.ffi.samples.benchmarks;

import static reactor.ffi.samples.benchmarks.Measure.ALLOCATION;
import static reactor.ffi.samples.benchmarks.Measure.ALLOCATION_POINTER;
import static reactor.ffi.samples.benchmarks.Measure.ANSWERED;
import static reactor.ffi.samples.benchmarks.Measure.ANSWERED_LENT;
import static reactor.ffi.samples.benchmarks.Measure.ANSWERED_PARKED;
import static reactor.ffi.samples.benchmarks.Measure.CALL;
import static reactor.ffi.samples.benchmarks.Measure.CYCLE;
import static reactor.ffi.samples.benchmarks.Measure.DIRECT;
import static reactor.ffi.samples.benchmarks.Measure.GC;
import static reactor.ffi.samples.benchmarks.Measure.IDLE;
import static reactor.ffi.samples.benchmarks.Measure.SAME_THREAD;
import static reactor.ffi.samples.benchmarks.Measure.SOURCES_N;
import static reactor.ffi.samples.benchmarks.Measure.STREAM;
import static reactor.ffi.samples.benchmarks.Measure.STREAM_N;
import static reactor.ffi.samples.benchmarks.Measure.WAKE;

import java.time.Duration;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import reactor.ffi.CallbackOptions;
import reactor.ffi.Overflow;

/**
 * Who takes part, and in which measures. The bare ones, which do the least that can be done, come first in each round; the
 * others are compared with them.
 */
@SuppressWarnings("ImmutableEnumChecker") // nobody changes the set, and the suppliers have no state
enum Contender {
    BARE(
            BareUpcall::new,
            1,
            STREAM,
            STREAM_N,
            SOURCES_N,
            ANSWERED,
            ANSWERED_LENT,
            SAME_THREAD,
            DIRECT,
            ALLOCATION,
            ALLOCATION_POINTER,
            CALL,
            GC),
    PARK_UNPARK(ParkUnpark::new, 1, ANSWERED_PARKED, WAKE),
    SHARED_ARENA(SharedArena::new, 10, CYCLE),

    REACTOR_FFI(
            () -> new ReactorFfi(CallbackOptions.defaults()),
            1,
            STREAM,
            STREAM_N,
            SOURCES_N,
            ANSWERED,
            ANSWERED_PARKED,
            ANSWERED_LENT,
            SAME_THREAD,
            DIRECT,
            WAKE,
            CYCLE,
            ALLOCATION,
            ALLOCATION_POINTER,
            CALL,
            GC,
            IDLE),
    REACTOR_FFI_LISTENER(ReactorFfiListener::events, 1, STREAM, STREAM_N, WAKE, ALLOCATION, CALL, GC),
    REACTOR_FFI_BATCHES(ReactorFfiListener::batches, 1, STREAM, STREAM_N, WAKE, ALLOCATION, CALL, GC),
    REACTOR_FFI_BLOCK_1024(
            () -> new ReactorFfi(CallbackOptions.defaults().overflow(Overflow.block(1024, Duration.ofSeconds(10)))),
            1,
            STREAM),
    REACTOR_FFI_UNBOUNDED(
            () -> new ReactorFfi(CallbackOptions.defaults().overflow(Overflow.unbounded())), 1, STREAM, STREAM_N),
    REACTOR_FFI_UNRELEASED(() -> Cycle.only(false, false), 1, CYCLE),
    REACTOR_FFI_HANDLE(() -> new WithUserData(false), 1, STREAM, DIRECT),
    REACTOR_FFI_ROUTED(() -> new WithUserData(true), 1, STREAM, SOURCES_N, DIRECT, CYCLE),
    REACTOR_FFI_ROUTED_RELEASED(() -> Cycle.only(true, true), 1, CYCLE),

    FLUX_CREATE(FluxCreate::new, 1, STREAM, STREAM_N, ALLOCATION, ALLOCATION_POINTER),
    SINKS_UNICAST(SinksUnicast::new, 1, STREAM),
    JNA(JnaCallbacks::new, 8, STREAM, SAME_THREAD, ALLOCATION, ALLOCATION_POINTER),
    EXECUTOR_GET(ExecutorGet::new, 50, ANSWERED, ANSWERED_PARKED),

    NODE_API(5, STREAM),
    BUN(10, STREAM, SAME_THREAD),
    KOFFI(40, STREAM, ANSWERED, SAME_THREAD),
    DENO(40, STREAM, ANSWERED, SAME_THREAD);

    /** Fewer than these are not divided further. */
    private static final int FEW = 1_000;

    private final Supplier<Workload> workload;
    private final int divisor;
    private final Set<Measure> measures;

    Contender(Supplier<Workload> workload, int divisor, Measure first, Measure... others) {
        this.workload = workload;
        this.divisor = divisor;
        this.measures = EnumSet.of(first, others);
    }

    /** One on another runtime. */
    Contender(int divisor, Measure first, Measure... others) {
        this(null, divisor, first, others);
    }

    /** What it is called on the command line and in the results. */
    String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    static Contender of(String id) {
        return valueOf(id.toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    boolean takesPartIn(Measure measure) {
        return measures.contains(measure);
    }

    /** Whether it runs on another runtime than the JVM. */
    boolean isPeer() {
        return workload == null;
    }

    /** Whether the others are compared with it. */
    boolean isBare() {
        return this == BARE || this == PARK_UNPARK || this == SHARED_ARENA;
    }

    /** Whether it is this library. */
    boolean isOurs() {
        return name().startsWith("REACTOR_FFI");
    }

    /**
     * Who does the same as a routed contender without sharing a pointer: with a stub of its own for each callback. Empty for
     * the others.
     */
    Optional<Contender> ownStub(Measure measure) {
        return switch (this) {
            case REACTOR_FFI_ROUTED ->
                Optional.of(
                        switch (measure) {
                            case SOURCES_N -> REACTOR_FFI;
                            case CYCLE -> REACTOR_FFI_UNRELEASED;
                            default -> REACTOR_FFI_HANDLE;
                        });
            case REACTOR_FFI_ROUTED_RELEASED -> Optional.of(REACTOR_FFI);
            default -> Optional.empty();
        };
    }

    /** The slower ones get fewer events, so that a round stays short. */
    int count(int count) {
        return Math.max(count / divisor, Math.min(count, FEW));
    }

    Workload open() {
        return workload.get();
    }
}
