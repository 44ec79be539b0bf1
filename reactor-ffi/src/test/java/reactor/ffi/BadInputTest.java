package reactor.ffi;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.AnnotatedTypeVariable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.TypeVariable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.fixture.Callbacks.EchoInt;
import reactor.ffi.micrometer.CallbackMeters;
import reactor.ffi.spring.CallbackStreams;

/**
 * Every public method, and what it says to bad input: null, closed, of the wrong thread, of the wrong type, over a limit, and
 * while it runs already. {@link #table} holds the uses, {@link #HARMLESS} what cannot be used badly, and reflection sees to
 * it that each method is in one of the two. Nulls are tried by reflection alone, each parameter of each method.
 */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BadInputTest {

    /** One bad use. With a refusal, its type and parts of what it says; without, the use itself asserts what it gets. */
    private record Use(
            String method,
            String what,
            @Nullable Class<? extends Throwable> refusal,
            List<String> says,
            ThrowingCallable use) {

        @Override
        public String toString() {
            return method + ": " + what;
        }
    }

    /** Methods for which only null is bad, or nothing; with the reason. */
    private static final String HARMLESS = """
            # answers from a field of an immutable value
            CallbackOptions.name() CallbackOptions.scheduler() CallbackOptions.overflow() CallbackOptions.keepAlive()
            CallbackOptions.maxWaiting() CallbackOptions.answerWithin() CallbackOptions.onError()
            CallbackOptions.onRegistered() CallbackOptions.onUnregistered()
            CallbackMetrics.name() CallbackMetrics.events() CallbackMetrics.delivered() CallbackMetrics.discarded()
            CallbackMetrics.dropped() CallbackMetrics.reserved() CallbackMetrics.lateCalls() CallbackMetrics.failedCalls()
            CallbackMetrics.refusedCalls() CallbackMetrics.handledCalls() CallbackMetrics.droppedCalls()
            CallbackMetrics.cutCalls() CallbackMetrics.mostQueuedCalls()
            CallbackMetrics.queued() CallbackMetrics.waiting() CallbackMetrics.subscribers() ListenerType.isNative() ListenerType.signalSafe()
            SchedulerMetrics.name() SchedulerMetrics.turns() SchedulerMetrics.wakeUps() SchedulerMetrics.refs()
            SchedulerMetrics.sources() SchedulerMetrics.longestTurn()
            PoolMetrics.stubs() PoolMetrics.quarantined() PoolMetrics.reusedEarly() PoolMetrics.unknown()
            SchedulerOptions.name() SchedulerOptions.spin() SchedulerOptions.warnAfter() SchedulerOptions.maxCallers()
            Overflow.policy() Overflow.capacity() Overflow.reserve() Overflow.timeout() Exchange.request()
            # takes nothing, or true and false
            CallbackMetrics.all() PoolMetrics.now() SchedulerMetrics.all()
            CallbackOptions.defaults() CallbackOptions.keepAlive(boolean) CallbackScheduler.shared() Overflow.latest()
            Overflow.unbounded()
            # takes any object of its type, and a null is all that is wrong
            CallbackOptions.on(CallbackScheduler) CallbackOptions.overflow(Overflow) CallbackOptions.onError(Consumer)
            CallbackOptions.onRegistered(NativeAction) CallbackOptions.onUnregistered(NativeAction)
            CallbackScheduler.create(SchedulerOptions) CallbackStreams.create(CallbackOptions, Registration)
            CallbackStreams.share(CallbackOptions, Registration) CallbackStreams.untilStop(Flux)
            """;

    private static final MemorySegment ABS =
            Linker.nativeLinker().defaultLookup().find("abs").orElseThrow();
    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Duration NEVER = Duration.ofHours(1);
    private static final EchoInt ECHO = value -> value;

    private final CallbackScheduler scheduler = CallbackScheduler.create("bad-input");
    private final CallbackScheduler disposed = CallbackScheduler.create("bad-input-disposed");
    private final CallbackOptions options = CallbackOptions.named("bad-input").on(scheduler);
    private final CallbackOptions onDisposed = options.on(disposed);
    private final List<AutoCloseable> open = new ArrayList<>();

    BadInputTest() {
        disposed.dispose();
    }

    @AfterAll
    void end() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
        scheduler.disposeGracefully().block(SOON);
    }

    interface TwoMethods {
        void one();

        void other();
    }

    interface Text {
        void text(String text);
    }

    interface Generic<T> {
        void generic(T value);
    }

    interface PackagePrivate {
        int call(int value);
    }

    // ---- the table

    private List<Use> table() {
        List<Use> table = new ArrayList<>();
        memory(table);
        pointers(table);
        functions(table);
        types(table);
        values(table);
        schedulers(table);
        callbacks(table);
        streams(table);
        sinks(table);
        exchanges(table);
        confined(table);
        records(table);
        realTimeSignals(table);
        return table;
    }

    private static void memory(List<Use> table) {
        String at = "NativeMemory.at(MemorySegment, long, long)";
        String string = "NativeMemory.string(MemorySegment, long)";
        refused(
                table,
                at,
                "a negative size",
                IllegalArgumentException.class,
                () -> NativeMemory.at(ABS, 0, -1),
                "-1",
                "give");
        MemorySegment eight = Arena.global().allocate(8);
        refused(table, at, "outside", IndexOutOfBoundsException.class, () -> NativeMemory.at(eight, 1, 1), "bound");
        refused(table, at, "before", IndexOutOfBoundsException.class, () -> NativeMemory.at(eight, -1, 1), "bound");
        refused(
                table,
                string,
                "outside",
                IndexOutOfBoundsException.class,
                () -> NativeMemory.string(eight, 8),
                "bound");
        refused(
                table,
                string,
                "NULL",
                NullPointerException.class,
                () -> NativeMemory.string(eight, 0),
                "ask NativeMemory.at");
        MemorySegment dead;
        try (Arena arena = Arena.ofConfined()) {
            dead = arena.allocate(8);
        }
        refused(
                table,
                at,
                "of a dead parent",
                IllegalStateException.class,
                () -> NativeMemory.at(dead, 0, 1),
                "closed");
        refused(
                table,
                string,
                "of a dead parent",
                IllegalStateException.class,
                () -> NativeMemory.string(dead, 0),
                "closed");
        for (boolean text : new boolean[] {true, false}) {
            refused(
                    table,
                    text ? string : at,
                    "another thread's",
                    WrongThreadException.class,
                    () -> {
                        try (Arena arena = Arena.ofConfined()) {
                            MemorySegment mine = arena.allocate(8);
                            elsewhere(() -> text ? NativeMemory.string(mine, 0) : NativeMemory.at(mine, 0, 1));
                        }
                    },
                    "owning thread");
        }
    }

    private static void pointers(List<Use> table) {
        String string = "NativeMemory.string(MemorySegment)";
        String bytes = "NativeMemory.bytes(MemorySegment, long)";
        String pointers = "NativeMemory.pointers(MemorySegment)";
        String strings = "NativeMemory.strings(MemorySegment)";
        String allocate = "NativeMemory.allocateStrings(SegmentAllocator, List)";
        Class<IndexOutOfBoundsException> outside = IndexOutOfBoundsException.class;
        MemorySegment ones = Arena.global().allocate(8).fill((byte) 1);
        refused(table, string, "without a NUL", outside, () -> NativeMemory.string(ones), "terminator");
        allowed(
                table,
                string,
                "NULL",
                () -> assertThat(NativeMemory.string(MemorySegment.NULL)).isNull());
        for (long length : new long[] {-1, Integer.MAX_VALUE}) {
            refused(
                    table,
                    bytes,
                    length + "",
                    IllegalArgumentException.class,
                    () -> NativeMemory.bytes(ones, length),
                    "length is " + length,
                    "give");
        }
        refused(
                table,
                bytes,
                "of NULL",
                NullPointerException.class,
                () -> NativeMemory.bytes(MemorySegment.NULL, 1),
                "NULL",
                "compare it");
        refused(table, bytes, "beyond the end", outside, () -> NativeMemory.bytes(ones, 9), "bound");
        refused(table, pointers, "without a NULL", outside, () -> NativeMemory.pointers(ones), "bound");
        refused(table, strings, "without a NULL", outside, () -> NativeMemory.strings(ones), "bound");
        allowed(
                table,
                pointers,
                "NULL",
                () -> assertThat(NativeMemory.pointers(MemorySegment.NULL)).isEmpty());
        allowed(
                table,
                strings,
                "NULL",
                () -> assertThat(NativeMemory.strings(MemorySegment.NULL)).isEmpty());
        refused(
                table,
                allocate,
                "of a null",
                NullPointerException.class,
                () -> NativeMemory.allocateStrings(Arena.global(), Arrays.asList("a", null)),
                "a null at 1");
        MemorySegment dead;
        try (Arena arena = Arena.ofConfined()) {
            dead = arena.allocate(8);
        }
        Class<IllegalStateException> state = IllegalStateException.class;
        refused(table, string, "dead", state, () -> NativeMemory.string(dead), "closed");
        refused(table, bytes, "dead", state, () -> NativeMemory.bytes(dead, 1), "closed");
        refused(table, pointers, "dead", state, () -> NativeMemory.pointers(dead), "closed");
        refused(table, strings, "dead", state, () -> NativeMemory.strings(dead), "closed");
        for (String layout : List.of("AddressLayout", "OfInt", "OfLong")) {
            allowed(table, "NativeMemory.out(" + layout + ", Consumer)", "kept until later", () -> {
                AtomicReference<MemorySegment> kept = new AtomicReference<>();
                switch (layout) {
                    case "OfInt" -> NativeMemory.out(ValueLayout.JAVA_INT, kept::set);
                    case "OfLong" -> NativeMemory.out(ValueLayout.JAVA_LONG, kept::set);
                    default -> NativeMemory.out(ValueLayout.ADDRESS, kept::set);
                }
                assertThatThrownBy(() -> kept.get().fill((byte) 1)).isInstanceOf(state);
            });
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"}) // wrong types are what it is about
    private static void types(List<Use> table) {
        String of = "CallbackType.of(Class)";
        Class<IllegalArgumentException> illegal = IllegalArgumentException.class;
        refused(table, of, "a class", illegal, () -> CallbackType.of(String.class), "String", "declare");
        refused(
                table,
                of,
                "two methods",
                illegal,
                () -> CallbackType.of(TwoMethods.class),
                "TwoMethods",
                "exactly one");
        refused(table, of, "no C type", illegal, () -> CallbackType.of(Text.class), "parameter 0", "String", "use");
        refused(table, of, "generic", illegal, () -> CallbackType.of(Generic.class), "generic", "declare");
        refused(
                table,
                "ListenerType.of(Class)",
                "a class",
                illegal,
                () -> ListenerType.of(String.class),
                "String",
                "declare");
        refused(
                table,
                "ListenerType.of(CallbackType)",
                "variadic",
                illegal,
                () -> ListenerType.of(CallbackType.of(EchoInt.class).variadic(1)),
                "variadic",
                "give a callback a type without");
        refused(
                table,
                "ListenerType.answering(long, long, long)",
                "too large",
                illegal,
                () -> ListenerType.of(EchoInt.class).answering(0, 1L << 31, 0),
                "the result of",
                "int",
                "2147483648");
        refused(
                table,
                "ListenerType.answering(double, double, double)",
                "of an int",
                illegal,
                () -> ListenerType.of(EchoInt.class).answering(0.5, 0, 0),
                "is int",
                "answer whole numbers");
        refused(
                table,
                "ListenerType.copy(int, Copied)",
                "no pointer",
                illegal,
                () -> ListenerType.of(EchoInt.class).copy(0, Copied.text(8)),
                "parameter 0",
                "is no pointer",
                "copy what pointers lead to");
        refused(table, "Copied.text(int)", "nothing", illegal, () -> Copied.text(0), "0 bytes", "from 1 to 65536");
        refused(
                table,
                "Copied.bytes(int, int)",
                "no parameter",
                illegal,
                () -> Copied.bytes(-1, 8),
                "lengthParameter is -1",
                "counted from 0");
        refused(
                table,
                "Copied.struct(MemoryLayout)",
                "too large",
                illegal,
                () -> Copied.struct(MemoryLayout.sequenceLayout(65_537, ValueLayout.JAVA_BYTE)),
                "65537 bytes",
                "from 1 to 65536");
        CallbackType<EchoInt> type = CallbackType.of(EchoInt.class);
        String descriptor = "CallbackType.descriptor(FunctionDescriptor)";
        refused(
                table,
                descriptor,
                "too short",
                illegal,
                () -> type.descriptor(FunctionDescriptor.of(ValueLayout.JAVA_INT)),
                "0 parameters",
                "make them agree");
        refused(
                table,
                descriptor,
                "another carrier",
                illegal,
                () -> type.descriptor(FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG)),
                "parameter 0",
                "change one");
        for (int parameter : new int[] {-1, 0, 1, 64}) {
            refused(
                    table,
                    "CallbackType.handles(int[])",
                    "parameter " + parameter,
                    illegal,
                    () -> type.handles(parameter),
                    "parameter " + parameter,
                    "count from 0");
        }
        for (int parameter : new int[] {-1, 0, 1, 64}) {
            refused(
                    table,
                    "CallbackType.userData(int)",
                    "parameter " + parameter,
                    illegal,
                    () -> type.userData(parameter),
                    "parameter " + parameter,
                    "cannot be the user data",
                    "Give the position, from 0");
        }
        refused(
                table,
                "CallbackType.lookup(Lookup)",
                "that sees nothing",
                illegal,
                () -> NativeCallback.direct(
                        CallbackOptions.defaults(),
                        CallbackType.of(PackagePrivate.class).lookup(MethodHandles.publicLookup()),
                        value -> value,
                        null),
                "no access",
                "take MethodHandles.lookup()");
        for (boolean byClass : new boolean[] {true, false}) {
            String at = byClass ? "CFunction.at(MemorySegment, Class)" : "CFunction.at(MemorySegment, CallbackType)";
            Consumer<MemorySegment> make = pointer ->
                    requireNonNull(byClass ? CFunction.at(pointer, EchoInt.class) : CFunction.at(pointer, type));
            refused(table, at, "NULL", illegal, () -> make.accept(MemorySegment.NULL), "NULL", "compare");
            MemorySegment heap = MemorySegment.ofArray(new long[2]);
            refused(table, at, "heap", illegal, () -> make.accept(heap.asSlice(8)), "heap segment", "give");
        }
        refused(
                table,
                "CFunction.at(MemorySegment, Class)",
                "a class",
                illegal,
                () -> CFunction.at(ABS, String.class),
                "declare");
    }

    private static void functions(List<Use> table) {
        Class<IllegalArgumentException> illegal = IllegalArgumentException.class;
        CallbackType<EchoInt> type = CallbackType.of(EchoInt.class);
        SymbolLookup nothing = name -> Optional.empty();
        for (boolean byClass : new boolean[] {true, false}) {
            String last = byClass ? ", Class)" : ", CallbackType)";
            Consumer<String> standard = name ->
                    requireNonNull(byClass ? CFunction.named(name, EchoInt.class) : CFunction.named(name, type));
            Consumer<SymbolLookup> given = library -> requireNonNull(
                    byClass ? CFunction.named(library, "f", EchoInt.class) : CFunction.named(library, "f", type));
            Class<NoSuchElementException> missing = NoSuchElementException.class;
            String named = "CFunction.named(String" + last;
            refused(table, named, "missing", missing, () -> standard.accept("sensor"), "sensor", "give");
            refused(table, named, "variadic", illegal, () -> standard.accept("printf"), "printf", ".variadic(n)");
            refused(
                    table,
                    "CFunction.named(SymbolLookup, String" + last,
                    "missing",
                    missing,
                    () -> given.accept(nothing),
                    "no function f");
        }
        refused(
                table,
                "CFunction.errno()",
                "of a thread without",
                IllegalStateException.class,
                () -> elsewhere(CFunction::errno),
                "no function that keeps errno",
                "make");
        for (int first : new int[] {-1, 2}) {
            refused(
                    table,
                    "CallbackType.variadic(int)",
                    first + "",
                    illegal,
                    () -> type.variadic(first),
                    "parameter " + first,
                    "give");
        }
        refused(
                table,
                "CallbackType.variadic(int)",
                "of a callback",
                illegal,
                () -> NativeCallback.direct(CallbackOptions.defaults(), type.variadic(1), ECHO, null),
                "EchoInt.echo",
                "give a callback a type without");
        refused(
                table,
                "CallbackType.errno()",
                "of a callback",
                illegal,
                () -> NativeCallback.direct(CallbackOptions.defaults(), type.errno(), ECHO, null),
                "EchoInt.echo",
                "give a callback a type without");
    }

    private static void values(List<Use> table) {
        Class<IllegalArgumentException> illegal = IllegalArgumentException.class;
        refused(
                table,
                "CallbackOptions.named(String)",
                "blank",
                illegal,
                () -> CallbackOptions.named(" "),
                "blank",
                "give");
        refused(
                table,
                "CallbackOptions.maxWaiting(int)",
                "zero",
                illegal,
                () -> CallbackOptions.defaults().maxWaiting(0),
                "maxWaiting is 0",
                "must be 1 or more");
        for (Duration none : new Duration[] {Duration.ZERO, Duration.ofNanos(-1)}) {
            refused(
                    table,
                    "CallbackOptions.answerWithin(Duration)",
                    none + "",
                    illegal,
                    () -> CallbackOptions.defaults().answerWithin(none),
                    none + "",
                    "must be more than zero");
            refused(
                    table,
                    "SchedulerOptions.warnAfter(Duration)",
                    none + "",
                    illegal,
                    () -> SchedulerOptions.named("x").warnAfter(none),
                    none + "",
                    "must be more than zero");
            refused(
                    table,
                    "Overflow.block(int, Duration)",
                    none + "",
                    illegal,
                    () -> Overflow.block(1, none),
                    none + "",
                    "must be more than zero");
        }
        refused(
                table,
                "SchedulerOptions.named(String)",
                "blank",
                illegal,
                () -> SchedulerOptions.named(""),
                "blank",
                "give");
        for (Duration spin : new Duration[] {Duration.ofMillis(11), Duration.ofNanos(-1)}) {
            refused(
                    table,
                    "SchedulerOptions.spin(Duration)",
                    spin + "",
                    illegal,
                    () -> SchedulerOptions.named("x").spin(spin),
                    spin + "",
                    "must be from 0 to 10 ms");
        }
        refused(
                table,
                "SchedulerOptions.maxCallers(int)",
                "zero",
                illegal,
                () -> SchedulerOptions.named("x").maxCallers(0),
                "maxCallers is 0",
                "must be one or more");
        for (int capacity : new int[] {0, -1, (1 << 26) + 1}) {
            String[] says = {"capacity is " + capacity, "must be from 1 to 67108864"};
            refused(
                    table,
                    "Overflow.block(int, Duration)",
                    capacity + "",
                    illegal,
                    () -> Overflow.block(capacity, SOON),
                    says);
            refused(table, "Overflow.error(int)", capacity + "", illegal, () -> Overflow.error(capacity), says);
            refused(
                    table,
                    "Overflow.dropNewest(int)",
                    capacity + "",
                    illegal,
                    () -> Overflow.dropNewest(capacity),
                    says);
            refused(
                    table,
                    "Overflow.dropOldest(int)",
                    capacity + "",
                    illegal,
                    () -> Overflow.dropOldest(capacity),
                    says);
        }
        allowed(
                table,
                "CallbackMetrics.of(String)",
                "a name that nobody has",
                () -> assertThat(CallbackMetrics.of("nobody").delivered()).isZero());
        refused(
                table,
                "CallbackStreams.options(String)",
                "blank",
                IllegalArgumentException.class,
                () -> new CallbackStreams(CallbackScheduler.shared(), Overflow.latest()).options(" "),
                "name is blank");
        allowed(table, "CallbackStreams.connected(String, String)", "a name that nobody has", () -> {
            new CallbackStreams(CallbackScheduler.shared(), Overflow.latest()).connected("nobody", "nothing");
        });
        allowed(table, "CallbackStreams.disconnected(String, String)", "a name that nobody has", () -> {
            new CallbackStreams(CallbackScheduler.shared(), Overflow.latest()).disconnected("nobody", "nothing");
        });
        allowed(table, "CallbackMeters.bindTo(MeterRegistry)", "twice", () -> {
            SimpleMeterRegistry registry = new SimpleMeterRegistry();
            new CallbackMeters().bindTo(registry);
            new CallbackMeters().bindTo(registry);
            assertThat(registry.getMeters()).isNotEmpty();
        });
    }

    private void schedulers(List<Use> table) {
        allowed(
                table,
                "SchedulerMetrics.of(CallbackScheduler)",
                "disposed",
                () -> assertThat(SchedulerMetrics.of(disposed).name()).isEqualTo("bad-input-disposed"));
        refused(
                table,
                "CallbackScheduler.create(String)",
                "blank",
                IllegalArgumentException.class,
                () -> CallbackScheduler.create(" "),
                "blank",
                "give");
        Class<RejectedExecutionException> rejected = RejectedExecutionException.class;
        String[] says = {"bad-input-disposed", "is disposed", "create another"};
        refused(table, "Scheduler.schedule(Runnable)", "disposed", rejected, () -> disposed.schedule(() -> {}), says);
        refused(
                table,
                "Scheduler.schedule(Runnable, long, TimeUnit)",
                "disposed",
                rejected,
                () -> disposed.schedule(() -> {}, 1, TimeUnit.SECONDS),
                says);
        refused(
                table,
                "Scheduler.schedulePeriodically(Runnable, long, long, TimeUnit)",
                "disposed",
                rejected,
                () -> disposed.schedulePeriodically(() -> {}, 0, 1, TimeUnit.SECONDS),
                says);
        refused(
                table,
                "Scheduler.createWorker()",
                "disposed",
                rejected,
                () -> disposed.createWorker().schedule(() -> {}),
                says);
        refused(table, "Scheduler.init()", "disposed", IllegalStateException.class, disposed::init, "disposed");
        allowed(
                table,
                "Scheduler.schedulePeriodically(Runnable, long, long, TimeUnit)",
                "a negative period means at once again",
                () -> {
                    CountDownLatch twice = new CountDownLatch(2);
                    Disposable task = scheduler.schedulePeriodically(twice::countDown, -1, -1, TimeUnit.SECONDS);
                    assertThat(twice.await(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
                    task.dispose();
                });
        refused(
                table,
                "CallbackScheduler.offload(NativeCall)",
                "disposed",
                rejected,
                () -> disposed.offload(() -> 1).block(SOON),
                says);
        refused(
                table,
                "CallbackScheduler.offload(NativeCall)",
                "over the limit",
                rejected,
                this::offloadTooMany,
                "100000 offloaded calls",
                "subscribe to fewer");
        allowed(
                table,
                "CallbackScheduler.callBlocking(NativeCall)",
                "inside itself, and of a disposed scheduler",
                () -> assertThat(this.<Integer>onScheduler(() -> scheduler.callBlocking(
                                () -> scheduler.callBlocking(() -> disposed.callBlocking(() -> 42)))))
                        .isEqualTo(42));
        allowed(table, "CallbackScheduler.runBlocking(NativeAction)", "inside itself", () -> {
            AtomicInteger runs = new AtomicInteger();
            onScheduler(() -> {
                scheduler.runBlocking(() -> scheduler.runBlocking(runs::incrementAndGet));
                return true;
            });
            assertThat(runs).hasValue(1);
        });
        allowed(
                table,
                "CallbackScheduler.isCurrent()",
                "disposed",
                () -> assertThat(disposed.isCurrent()).isFalse());
        allowed(
                table,
                "CallbackScheduler.unref()",
                "once too often",
                () -> assertThat(scheduler.unref()).isZero());
        refused(
                table,
                "CallbackScheduler.ref()",
                "disposed",
                RejectedExecutionException.class,
                () -> disposed.ref(),
                "disposed",
                "create another");
        allowed(
                table,
                "CallbackScheduler.refCount()",
                "disposed",
                () -> assertThat(disposed.refCount()).isZero());
        allowed(table, "CallbackScheduler.dispose()", "on its own thread, and twice", () -> {
            CallbackScheduler other = CallbackScheduler.create("bad-input-other");
            other.schedule(() -> {
                other.dispose();
                other.dispose();
            });
            other.disposeGracefully().block(SOON);
            assertThat(other.isDisposed()).isTrue();
        });
        allowed(table, "CallbackScheduler.close()", "twice, and of the shared one", () -> {
            disposed.close();
            CallbackScheduler.shared().close();
            assertThat(CallbackScheduler.shared().isDisposed()).isFalse();
        });
        allowed(table, "CallbackScheduler.disposeGracefully()", "waited for on its own thread", () -> {
            CallbackScheduler other = CallbackScheduler.create("bad-input-other");
            CompletableFuture<Throwable> thrown = new CompletableFuture<>();
            other.schedule(() -> thrown.complete(
                    catchThrowable(() -> other.disposeGracefully().block())));
            assertThat(get(thrown)).hasMessageContaining("block()");
        });
        allowed(
                table,
                "Disposable.isDisposed()",
                "disposed",
                () -> assertThat(disposed.isDisposed()).isTrue());
        Class<IllegalArgumentException> illegal = IllegalArgumentException.class;
        for (boolean withOptions : new boolean[] {true, false}) {
            String on = withOptions ? "NativeSignals.on(CallbackOptions, String[])" : "NativeSignals.on(String[])";
            refused(table, on, "none", illegal, () -> signals(withOptions), "name one or more");
            refused(table, on, "SIG", illegal, () -> signals(withOptions, "SIGHUP"), "write HUP");
            refused(table, on, "null", NullPointerException.class, () -> signals(withOptions, "HUP", null), "name");
            refused(
                    table,
                    on,
                    "unknown",
                    illegal,
                    () -> signals(withOptions, "NOTONE").blockLast(SOON),
                    "there is no signal NOTONE");
            refused(
                    table,
                    on,
                    "the JVM's",
                    illegal,
                    () -> signals(withOptions, "PIPE").blockLast(SOON),
                    "take another");
        }
    }

    private void realTimeSignals(List<Use> table) {
        Class<IllegalArgumentException> illegal = IllegalArgumentException.class;
        CallbackOptions dropping = options.overflow(Overflow.dropNewest(8));
        for (boolean withOptions : new boolean[] {true, false}) {
            Function<String[], Flux<NativeSignals.Sent>> signals =
                    names -> withOptions ? NativeSignals.realTime(dropping, names) : NativeSignals.realTime(names);
            String realTime = withOptions
                    ? "NativeSignals.realTime(CallbackOptions, String[])"
                    : "NativeSignals.realTime(String[])";
            refused(table, realTime, "none", illegal, () -> signals.apply(new String[0]), "name one or more");
            refused(table, realTime, "SIG", illegal, () -> signals.apply(new String[] {"SIGRTMIN"}), "write RTMIN");
            refused(
                    table,
                    realTime,
                    "null",
                    NullPointerException.class,
                    () -> signals.apply(new String[] {"RTMIN", null}),
                    "name");
            if (withOptions) {
                refused(
                        table,
                        realTime,
                        "a policy that waits",
                        illegal,
                        () -> NativeSignals.realTime(options, "RTMIN"),
                        "must neither wait",
                        "give CallbackOptions.overflow");
            }
            if (ListenerType.of(EchoInt.class).isNative()) {
                refused(
                        table,
                        realTime,
                        "unknown",
                        illegal,
                        () -> signals.apply(new String[] {"NOTONE"}).blockLast(SOON),
                        "there is no signal NOTONE",
                        "name one such as RTMIN+3");
                refused(
                        table,
                        realTime,
                        "the JVM's",
                        illegal,
                        () -> signals.apply(new String[] {"SEGV"}).blockLast(SOON),
                        "take another");
            }
        }
    }

    private Flux<NativeSignals.Signal> signals(boolean withOptions, String... names) {
        return withOptions ? NativeSignals.on(options, names) : NativeSignals.on(names);
    }

    private void offloadTooMany() throws Exception {
        CountDownLatch free = new CountDownLatch(1);
        List<CompletableFuture<Integer>> results = new ArrayList<>();
        try {
            int most = 100_000 + 10 * Runtime.getRuntime().availableProcessors();
            for (int i = 0; i < most; i++) {
                results.add(scheduler
                        .offload(() -> {
                            free.await();
                            return 1;
                        })
                        .toFuture());
            }
            scheduler.offload(() -> 1).block(SOON);
        } finally {
            free.countDown();
            CompletableFuture.allOf(results.toArray(CompletableFuture<?>[]::new))
                    .get(SOON.toSeconds(), TimeUnit.SECONDS);
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"}) // wrong types are what it is about
    private void callbacks(List<Use> table) {
        for (String maker : List.of("threadSafe", "synchronous", "direct")) {
            for (Method method : NativeCallback.class.getMethods()) {
                if (method.getName().equals(maker)) {
                    Object[] arguments = samples(method);
                    int handler = Arrays.asList(arguments).indexOf(ECHO);
                    arguments[handler] = "a text";
                    refused(
                            table,
                            key(method),
                            "a handler of another type",
                            IllegalArgumentException.class,
                            () -> invoke(method, null, arguments),
                            "the handler of",
                            "EchoInt",
                            "String",
                            "give an instance");
                    if (arguments.length > handler + 1) {
                        Object[] others = samples(method);
                        others[handler + 1] = "a text";
                        refused(
                                table,
                                key(method),
                                "a fallback of another type",
                                IllegalArgumentException.class,
                                () -> invoke(method, null, others),
                                "the fallback of",
                                "EchoInt",
                                "String",
                                "give an instance");
                    }
                }
            }
        }
        refused(
                table,
                "NativeCallback.ref()",
                "closed",
                IllegalStateException.class,
                () -> closed().ref(),
                "close",
                "make a new");
        refused(
                table,
                "NativeCallback.unref()",
                "closed",
                IllegalStateException.class,
                () -> closed().unref(),
                "close",
                "make a new");
        refused(
                table,
                "NativeCallback.ref()",
                "direct",
                IllegalStateException.class,
                () -> direct(ECHO).ref(),
                "direct",
                "use scheduler.ref()");
        refused(
                table,
                "NativeCallback.unref()",
                "direct",
                IllegalStateException.class,
                () -> direct(ECHO).unref(),
                "direct",
                "use");
        allowed(table, "NativeCallback.unref()", "once too often", () -> {
            try (NativeCallback<EchoInt> callback = NativeCallback.synchronous(scheduler, EchoInt.class, ECHO)) {
                assertThat(callback.unref()).isZero();
            }
        });
        allowed(
                table,
                "NativeCallback.refCount()",
                "closed",
                () -> assertThat(closed().refCount()).isZero());
        refused(
                table,
                "NativeCallback.userData()",
                "of a type without",
                IllegalStateException.class,
                () -> closed().userData(),
                "has no user data",
                "userData(index)");
        allowed(
                table,
                "NativeCallback.pointer()",
                "closed",
                () -> assertThat(fire(closed())).isZero());
        allowed(
                table,
                "NativeCallback.closed()",
                "closed",
                () -> closed().closed().block(SOON));
        allowed(table, "NativeCallback.close()", "twice, and inside its own handler", () -> {
            AtomicReference<NativeCallback<EchoInt>> self = new AtomicReference<>();
            self.set(direct(value -> {
                self.get().close();
                self.get().close();
                return value;
            }));
            assertThat(fire(self.get())).isEqualTo(7);
            assertThat(fire(self.get())).isZero();
        });
        allowed(table, "NativeCallback.release()", "twice, and inside its own handler", () -> {
            AtomicReference<NativeCallback<EchoInt>> self = new AtomicReference<>();
            self.set(direct(value -> {
                self.get().release();
                self.get().release();
                return value;
            }));
            assertThat(fire(self.get())).isEqualTo(7);
            self.get().closed().block(SOON);
        });
    }

    private NativeCallback<EchoInt> direct(EchoInt handler) {
        NativeCallback<EchoInt> callback = NativeCallback.direct(EchoInt.class, handler);
        open.add(callback);
        return callback;
    }

    private NativeCallback<EchoInt> closed() {
        NativeCallback<EchoInt> callback = NativeCallback.threadSafe(scheduler, EchoInt.class, ECHO);
        callback.close();
        return callback;
    }

    private static int fire(NativeCallback<EchoInt> callback) {
        return CFunction.at(callback.pointer(), EchoInt.class).echo(7);
    }

    private void streams(List<Use> table) {
        String[] says = {"bad-input-disposed", "is disposed"};
        Class<RejectedExecutionException> rejected = RejectedExecutionException.class;
        refused(
                table,
                "NativeFlux.create(CallbackOptions, Registration)",
                "disposed",
                rejected,
                () -> NativeFlux.create(onDisposed, sink -> {}).blockLast(SOON),
                says);
        refused(
                table,
                "NativeFlux.share(CallbackOptions, Registration)",
                "disposed",
                rejected,
                () -> NativeFlux.share(onDisposed, sink -> {}).blockLast(SOON),
                says);
        refused(
                table,
                "NativeFlux.exchange(CallbackOptions, Registration)",
                "disposed",
                rejected,
                () -> NativeFlux.exchange(onDisposed, sink -> {}).blockLast(SOON),
                says);
        allowed(table, "NativeFlux.create(Registration)", "subscribed to while it registers", () -> {
            Flux<Integer> inner = NativeFlux.create(sink -> {
                sink.next(1);
                sink.complete();
            });
            Flux<Integer> outer = NativeFlux.create(sink -> inner.subscribe(sink::next, sink::error, sink::complete));
            assertThat(outer.collectList().block(SOON)).containsExactly(1);
        });
        allowed(table, "NativeFlux.share(CallbackOptions, Registration)", "subscribed to while it registers", () -> {
            AtomicReference<Flux<Integer>> self = new AtomicReference<>();
            AtomicInteger inside = new AtomicInteger();
            self.set(NativeFlux.share(options, sink -> {
                self.get().subscribe(inside::addAndGet);
                sink.next(1);
                sink.complete();
            }));
            assertThat(self.get().collectList().block(SOON)).containsExactly(1);
        });
    }

    private void records(List<Use> table) {
        AtomicReference<Records> kept = new AtomicReference<>();
        CallbackOptions dropping = options.overflow(Overflow.dropNewest(8));
        NativeFlux.create(dropping, sink -> {
                    MemorySegment pointer =
                            sink.batches(ListenerType.of(EchoInt.class).answering(0, 0, 0), batch -> {
                                kept.set(batch);
                                sink.complete();
                            });
                    int _ = CFunction.at(pointer, EchoInt.class).echo(7);
                })
                .blockLast(SOON);
        for (Method method : Records.class.getMethods()) {
            if (method.getParameterCount() == 0) {
                allowed(
                        table,
                        key(method),
                        "after the batch",
                        () -> assertThat(kept.get().size()).isZero());
            } else {
                refused(
                        table,
                        key(method),
                        "after the batch",
                        IllegalStateException.class,
                        () -> invoke(method, kept.get(), new Object[] {0, 0}),
                        "is over: read the records while the handler runs",
                        "copy what is to be kept");
            }
        }
    }

    private void listeners(List<Use> table, String kind, NativeSink<Object> live, NativeSink<Object> ended) {
        for (Method method : NativeSink.class.getMethods()) {
            boolean inBatches = method.getName().equals("batches");
            if (!method.getName().equals("listener") && !inBatches) {
                continue;
            }
            if (!kind.equals("plain")) {
                refused(
                        table,
                        key(method),
                        kind,
                        UnsupportedOperationException.class,
                        () -> invoke(method, live, samples(method)),
                        "has no listeners",
                        "use sink.callback");
                continue;
            }
            refused(
                    table,
                    key(method),
                    "after the end",
                    IllegalStateException.class,
                    () -> invoke(method, ended, samples(method)),
                    "has ended",
                    "while it lives");
            Object[] arguments = samples(method);
            if (inBatches) {
                arguments[0] = arguments[0] instanceof Class ? EchoInt.class : ListenerType.of(EchoInt.class);
                refused(
                        table,
                        key(method),
                        "a result without constants",
                        IllegalArgumentException.class,
                        () -> invoke(method, live, arguments),
                        "EchoInt",
                        "answering(taken, full, late)");
                continue;
            }
            arguments[1] = "a text";
            refused(
                    table,
                    key(method),
                    "another type",
                    IllegalArgumentException.class,
                    () -> invoke(method, live, arguments),
                    "EchoInt",
                    "String",
                    "give an instance");
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"}) // wrong types are what it is about
    private void sinks(List<Use> table) {
        for (String kind : List.of("plain", "shared", "exchange")) {
            NativeSink<Object> live = sink(kind, true);
            NativeSink<Object> ended = sink(kind, false);
            Class<IllegalStateException> illegal = IllegalStateException.class;
            String late = kind + ", after the end";
            listeners(table, kind, live, ended);
            for (Method method : NativeSink.class.getMethods()) {
                if (method.getName().equals("callback")) {
                    refused(
                            table,
                            key(method),
                            late,
                            illegal,
                            () -> invoke(method, ended, samples(method)),
                            "has ended",
                            "while it lives");
                    for (int i = 1; i < method.getParameterCount(); i++) {
                        Object[] arguments = samples(method);
                        arguments[i] = "a text";
                        refused(
                                table,
                                key(method),
                                kind + ", another type",
                                IllegalArgumentException.class,
                                () -> invoke(method, live, arguments),
                                "EchoInt",
                                "String",
                                "give an instance");
                    }
                }
            }
            refused(
                    table,
                    "NativeSink.callback(Class, Object)",
                    kind + ", no interface",
                    IllegalArgumentException.class,
                    () -> live.callback(String.class, ""),
                    "declare");
            refused(
                    table,
                    "NativeSink.runLoop(NativeCall)",
                    late,
                    illegal,
                    () -> ended.runLoop(() -> 1),
                    "has ended",
                    "while it lives");
            refused(
                    table,
                    "NativeSink.releaseNotify()",
                    late,
                    illegal,
                    ended::releaseNotify,
                    "has ended",
                    "while it lives");
            refused(table, "NativeSink.userData()", late, illegal, ended::userData, "has ended", "while it lives");
            allowed(
                    table,
                    "NativeSink.next(Object)",
                    late,
                    () -> assertThat(ended.next(kind.equals("exchange") ? asked() : "x"))
                            .isFalse());
            allowed(table, "NativeSink.complete()", late, () -> {
                ended.complete();
                assertThat(ended.isCancelled()).isTrue();
            });
            allowed(table, "NativeSink.error(Throwable)", late, () -> {
                ended.error(new IllegalStateException("dropped, and logged"));
                assertThat(ended.isCancelled()).isTrue();
            });
            allowed(table, "NativeSink.onDispose(NativeAction)", late + ", and inside itself", () -> {
                CountDownLatch twice = new CountDownLatch(2);
                ended.onDispose(() -> {
                    twice.countDown();
                    ended.onDispose(twice::countDown);
                });
                assertThat(twice.await(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
            });
            allowed(table, "NativeSink.onRequest(NativeDemand)", late, () -> {
                AtomicInteger calls = new AtomicInteger();
                ended.onRequest(n -> calls.incrementAndGet());
                onScheduler(() -> true);
                assertThat(calls).hasValue(0);
            });
            allowed(
                    table,
                    "NativeSink.arena()",
                    late + ", from any thread",
                    () -> assertThat(elsewhere(() -> ended.arena().allocate(8)).byteSize())
                            .isEqualTo(8));
            allowed(
                    table,
                    "NativeSink.release(MemorySegment)",
                    kind + ", not of this sink, twice, and inside its own handler",
                    () -> {
                        live.release(ABS);
                        ended.release(MemorySegment.ofArray(new long[1]));
                        AtomicReference<MemorySegment> self = new AtomicReference<>();
                        self.set(live.callback(EchoInt.class, value -> {
                            live.release(self.get());
                            live.release(self.get());
                            return value;
                        }));
                        assertThat(CFunction.at(self.get(), EchoInt.class).echo(7))
                                .isEqualTo(7);
                        assertThat(CFunction.at(self.get(), EchoInt.class).echo(7))
                                .isZero();
                    });
            allowed(
                    table,
                    "NativeSink.isCancelled()",
                    late,
                    () -> assertThat(ended.isCancelled()).isTrue());
            allowed(
                    table,
                    "NativeSink.requestedFromDownstream()",
                    late,
                    () -> assertThat(ended.requestedFromDownstream()).isNotNegative());
            allowed(
                    table,
                    "NativeSink.contextView()",
                    late,
                    () -> assertThat(ended.contextView().isEmpty()).isTrue());
            allowed(
                    table,
                    "NativeSink.scheduler()",
                    late,
                    () -> assertThat(ended.scheduler()).isSameAs(scheduler));
        }
    }

    @SuppressWarnings("unchecked") // the exchange's own
    private void exchanges(List<Use> table) {
        ExchangeSink<Object, Object> live = (ExchangeSink<Object, Object>) (Object) sink("exchange", true);
        ExchangeSink<Object, Object> ended = (ExchangeSink<Object, Object>) (Object) sink("exchange", false);
        String ask = "ExchangeSink.ask(Object, Duration, Object)";
        for (Duration none : new Duration[] {Duration.ZERO, Duration.ofNanos(-1)}) {
            refused(
                    table,
                    ask,
                    none + "",
                    IllegalArgumentException.class,
                    () -> live.ask("q", none, "f"),
                    none + "",
                    "must be more than zero");
        }
        refused(
                table,
                ask,
                "on the scheduler's thread",
                IllegalStateException.class,
                () -> onScheduler(() -> live.ask("q", NEVER, "f")),
                "nobody could answer",
                "let native code call from a thread");
        allowed(
                table,
                ask,
                "after the end",
                () -> assertThat(ended.ask("q", NEVER, "f")).isEqualTo("f"));
        allowed(table, "Exchange.reply(Object)", "twice", () -> {
            Exchange<Object, Object> exchange = asked();
            assertThat(exchange.reply("r")).isTrue();
            assertThat(exchange.reply("s")).isFalse();
        });
        allowed(table, "Exchange.fail(Throwable)", "twice", () -> {
            Exchange<Object, Object> exchange = asked();
            assertThat(exchange.fail(new IllegalStateException("reported"))).isTrue();
            assertThat(exchange.fail(new IllegalStateException("reported too"))).isFalse();
        });
        allowed(table, "Exchange.refuse()", "twice", () -> {
            Exchange<Object, Object> exchange = asked();
            assertThat(exchange.refuse()).isTrue();
            assertThat(exchange.refuse()).isFalse();
        });
    }

    private void confined(List<Use> table) {
        Class<RejectedExecutionException> rejected = RejectedExecutionException.class;
        refused(
                table,
                "Confined.of(CallbackScheduler, Object, Action)",
                "disposed",
                rejected,
                () -> Confined.of(disposed, "value", value -> {}),
                "is disposed",
                "use a scheduler that lives");
        refused(
                table,
                "Confined.create(CallbackScheduler, NativeCall, Action)",
                "disposed",
                rejected,
                () -> Confined.create(disposed, () -> "value", value -> {}),
                "is disposed",
                "use a scheduler that lives");
        refused(
                table,
                "Confined.create(CallbackOptions, NativeCall, Action)",
                "disposed",
                rejected,
                () -> Confined.create(onDisposed, () -> "value", value -> {}),
                "is disposed",
                "use a scheduler that lives");
        Class<IllegalStateException> illegal = IllegalStateException.class;
        Confined<String> closed = Confined.of(scheduler, "value", value -> {});
        closed.close();
        refused(
                table,
                "Confined.send(Action)",
                "closed",
                illegal,
                () -> closed.send(value -> {}),
                "is closed",
                "share() it before");
        refused(
                table,
                "Confined.call(Query)",
                "closed",
                illegal,
                () -> closed.call(value -> 1).block(SOON),
                "is closed",
                "share() it");
        refused(table, "Confined.share()", "closed", illegal, closed::share, "is closed", "share() it before");
        CallbackScheduler gone = CallbackScheduler.create("bad-input-gone");
        Confined<String> without = Confined.of(gone, "value", value -> {});
        gone.disposeGracefully().block(SOON);
        refused(
                table,
                "Confined.send(Action)",
                "disposed",
                illegal,
                () -> without.send(value -> {}),
                "disposed",
                "make another");
        refused(
                table,
                "Confined.call(Query)",
                "disposed",
                illegal,
                () -> without.call(value -> 1).block(SOON),
                "disposed",
                "make another");
        allowed(table, "Confined.close()", "twice, and inside its own closure", () -> {
            CountDownLatch released = new CountDownLatch(1);
            Confined<String> value = Confined.of(scheduler, "value", ignored -> released.countDown());
            value.send(ignored -> {
                value.close();
                value.close();
            });
            assertThat(released.await(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
        });
        allowed(table, "Confined.call(Query)", "waited for inside its own closure", () -> {
            Confined<String> value = Confined.of(scheduler, "value", ignored -> {});
            open.add(value);
            assertThatThrownBy(() -> value.call(
                                    ignored -> value.call(String::length).block())
                            .block(SOON))
                    .hasMessageContaining("block()");
        });
    }

    // ---- what the table is made of

    private static void refused(
            List<Use> table,
            String method,
            String what,
            Class<? extends Throwable> refusal,
            ThrowingCallable use,
            String... says) {
        table.add(new Use(method, what, refusal, List.of(says), use));
    }

    private static void allowed(List<Use> table, String method, String what, ThrowingCallable use) {
        table.add(new Use(method, what, null, List.of(), use));
    }

    private <R> R onScheduler(NativeCall<R> call) throws Throwable {
        CompletableFuture<R> result = new CompletableFuture<>();
        scheduler.schedule(() -> complete(result, call));
        return get(result);
    }

    private static <R> R elsewhere(NativeCall<R> call) throws Throwable {
        CompletableFuture<R> result = new CompletableFuture<>();
        Thread.ofPlatform().start(() -> complete(result, call));
        return get(result);
    }

    private static <R> void complete(CompletableFuture<R> result, NativeCall<R> call) {
        try {
            result.complete(call.call());
        } catch (Throwable thrown) {
            result.completeExceptionally(thrown);
        }
    }

    private static <R> R get(CompletableFuture<R> result) throws Throwable {
        try {
            return result.get(SOON.toSeconds(), TimeUnit.SECONDS);
        } catch (java.util.concurrent.ExecutionException e) {
            throw requireNonNull(e.getCause());
        }
    }

    /** A sink of a subscription that lives, or has ended. */
    @SuppressWarnings("unchecked") // a sink takes anything here
    private NativeSink<Object> sink(String kind, boolean lives) {
        CompletableFuture<NativeSink<Object>> made = new CompletableFuture<>();
        CountDownLatch over = new CountDownLatch(1);
        Registration<NativeSink<Object>> registration = sink -> {
            sink.onDispose(over::countDown);
            made.complete(sink);
        };
        Flux<?> flux = switch (kind) {
            case "plain" -> NativeFlux.create(options, registration);
            case "shared" -> NativeFlux.share(options, registration);
            default ->
                NativeFlux.exchange(options, sink -> registration.register((NativeSink<Object>) (NativeSink<?>) sink));
        };
        Disposable subscription = flux.subscribe();
        try {
            NativeSink<Object> sink = made.get(SOON.toSeconds(), TimeUnit.SECONDS);
            if (lives) {
                open.add(subscription::dispose);
            } else {
                subscription.dispose();
                assertThat(over.await(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
            }
            return sink;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** A question that a thread waits for. */
    private Exchange<Object, Object> asked() throws Exception {
        CompletableFuture<Exchange<Object, Object>> question = new CompletableFuture<>();
        Disposable subscription = NativeFlux.<Object, Object>exchange(options.onError(error -> {}), sink -> {
                    Thread thread = Thread.ofPlatform().start(() -> sink.ask("q", NEVER, "f"));
                    sink.onDispose(thread::join);
                })
                .subscribe(question::complete);
        open.add(subscription::dispose);
        return question.get(SOON.toSeconds(), TimeUnit.SECONDS);
    }

    // ---- the tests

    @TestFactory
    Stream<DynamicTest> eachBadUseHasADocumentedAnswerThatSaysWhatToDo() {
        return table().stream()
                .map(use -> dynamicTest(use.toString(), () -> {
                    Throwable thrown = catchThrowable(use.use());
                    if (use.refusal() == null) {
                        if (thrown != null) {
                            throw thrown;
                        }
                        return;
                    }
                    assertThat(thrown)
                            .isInstanceOf(use.refusal())
                            .hasMessageContainingAll(use.says().toArray(String[]::new));
                    assertThat(documentation(use.method()))
                            .contains(use.refusal().getSimpleName());
                }));
    }

    @TestFactory
    Stream<DynamicTest> eachNullIsRefusedWithTheNameOfItsParameter() throws Exception {
        List<DynamicTest> tests = new ArrayList<>();
        for (Method method : methods()) {
            for (Object receiver : receivers(method)) {
                Method real = Modifier.isStatic(method.getModifiers())
                        ? method
                        : receiver.getClass().getMethod(method.getName(), method.getParameterTypes());
                for (int i = 0; i < method.getParameterCount(); i++) {
                    if (method.getParameterTypes()[i].isPrimitive()
                            || isNullable(method.getAnnotatedParameterTypes()[i])) {
                        continue;
                    }
                    Object[] arguments = samples(method);
                    arguments[i] = null;
                    String name = real.getParameters()[i].getName();
                    String shown = key(method) + " of " + receiver.getClass().getSimpleName() + ": " + name;
                    tests.add(dynamicTest(shown, () -> {
                        method.setAccessible(true);
                        assertThatThrownBy(() -> invoke(method, receiver, arguments))
                                .isInstanceOf(NullPointerException.class)
                                .hasMessage(name);
                    }));
                }
            }
        }
        assertThat(tests).hasSizeGreaterThan(80);
        return tests.stream();
    }

    @Test
    void eachPublicMethodIsInTheTableOrHarmless() throws Exception {
        Set<String> all = methods().stream().map(BadInputTest::key).collect(Collectors.toCollection(TreeSet::new));
        Set<String> used = table().stream().map(Use::method).collect(Collectors.toCollection(TreeSet::new));
        Set<String> harmless = new TreeSet<>();
        Matcher names = Pattern.compile("\\w+\\.\\w+\\([^)]*\\)").matcher(HARMLESS.replaceAll("(?m)^#.*", ""));
        while (names.find()) {
            harmless.add(names.group());
        }
        assertThat(used).doesNotContainAnyElementsOf(harmless);
        used.addAll(harmless);
        assertThat(used).containsExactlyInAnyOrderElementsOf(all);
    }

    // ---- what there is

    /** Of all public types, but for what users implement, what Reactor does itself, and what the compiler wrote. */
    private static List<Method> methods() throws Exception {
        List<Method> methods = new ArrayList<>();
        for (Class<?> type : publicTypes()) {
            if (type.isAnnotationPresent(FunctionalInterface.class) || type.isEnum()) {
                continue;
            }
            for (Method method : type.getMethods()) {
                boolean ofObject = Arrays.stream(Object.class.getMethods())
                        .anyMatch(other -> other.getName().equals(method.getName())
                                && Arrays.equals(other.getParameterTypes(), method.getParameterTypes()));
                boolean component = type.isRecord()
                        && Arrays.stream(type.getRecordComponents())
                                .map(RecordComponent::getAccessor)
                                .anyMatch(method::equals);
                boolean reactors = !Modifier.isStatic(method.getModifiers())
                        && !ours(type)
                                .getMethod(method.getName(), method.getParameterTypes())
                                .getDeclaringClass()
                                .getName()
                                .startsWith("reactor.ffi.");
                if (!ofObject && !component && !reactors && !method.isBridge()) {
                    methods.add(method);
                }
            }
        }
        return methods.stream().distinct().toList();
    }

    /** Where an interface's inherited methods are overridden. */
    private static Class<?> ours(Class<?> type) {
        return type.isSealed() ? type.getPermittedSubclasses()[0] : type;
    }

    private static List<Class<?>> publicTypes() throws Exception {
        Path classes = Path.of(NativeFlux.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        List<Class<?>> types = new ArrayList<>();
        try (Stream<Path> files = Files.walk(classes.resolve("reactor/ffi"))) {
            for (Path file : files.sorted().toList()) {
                String name = classes.relativize(file).toString().replace('/', '.');
                if (name.endsWith(".class") && !name.contains(".internal.") && !name.contains("-info")) {
                    Class<?> type = Class.forName(name.replace(".class", ""));
                    if (isVisible(type)) {
                        types.add(type);
                    }
                }
            }
        }
        assertThat(types).hasSizeGreaterThan(15);
        return types;
    }

    private static boolean isVisible(@Nullable Class<?> type) {
        return type == null || (Modifier.isPublic(type.getModifiers()) && isVisible(type.getDeclaringClass()));
    }

    /** "Type.method(Parameter, Parameter)". */
    private static String key(Method method) {
        return method.getDeclaringClass().getSimpleName() + "." + method.getName()
                + Arrays.stream(method.getParameterTypes())
                        .map(Class::getSimpleName)
                        .collect(Collectors.joining(", ", "(", ")"));
    }

    private static boolean isNullable(AnnotatedType type) {
        if (type.isAnnotationPresent(Nullable.class)) {
            return true;
        }
        return type instanceof AnnotatedTypeVariable
                && Arrays.stream(((TypeVariable<?>) type.getType()).getAnnotatedBounds())
                        .anyMatch(bound -> bound.isAnnotationPresent(Nullable.class));
    }

    private static @Nullable Object invoke(Method method, @Nullable Object receiver, Object[] arguments)
            throws Throwable {
        try {
            return method.invoke(receiver, arguments);
        } catch (InvocationTargetException e) {
            throw requireNonNull(e.getCause());
        }
    }

    /** One instance of each kind there is. */
    private List<Object> receivers(Method method) throws Exception {
        Class<?> type = method.getDeclaringClass();
        if (Modifier.isStatic(method.getModifiers())) {
            return List.of(type);
        }
        return Stream.of(
                        scheduler,
                        options,
                        SchedulerOptions.named("x"),
                        Overflow.latest(),
                        CallbackType.of(EchoInt.class),
                        ListenerType.of(EchoInt.class),
                        NativeCallback.direct(EchoInt.class, ECHO),
                        NativeCallback.synchronous(scheduler, EchoInt.class, ECHO),
                        new CallbackMeters(),
                        new CallbackStreams(scheduler, Overflow.latest()),
                        sink("plain", true),
                        sink("shared", true),
                        sink("exchange", true),
                        asked(),
                        Confined.of(scheduler, "value", value -> {}))
                .filter(type::isInstance)
                .toList();
    }

    /** Arguments that are right. */
    private Object[] samples(Method method) {
        return Arrays.stream(method.getParameterTypes()).map(this::sample).toArray();
    }

    private Object sample(Class<?> type) {
        List<Object> all = List.of(
                scheduler,
                options,
                SchedulerOptions.named("x"),
                Overflow.latest(),
                CallbackType.of(EchoInt.class),
                ListenerType.of(EchoInt.class).answering(0, 0, 0),
                Copied.text(8),
                ValueLayout.JAVA_LONG,
                EchoInt.class,
                ECHO,
                ABS,
                "HUP",
                new String[] {"HUP"},
                new int[0],
                SOON,
                TimeUnit.SECONDS,
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT),
                MethodHandles.lookup(),
                SymbolLookup.loaderLookup(),
                Arena.global(),
                List.of("a"),
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_LONG,
                new SimpleMeterRegistry(),
                new IllegalStateException("a sample"),
                (Runnable) () -> {},
                (Consumer<Object>) ignored -> {},
                (NativeDemand) ignored -> {},
                (NativeAction) () -> {},
                (NativeCall<Object>) () -> 1,
                (Registration<NativeSink<Object>>) ignored -> {},
                Flux.never(),
                (Confined.Action<Object>) ignored -> {},
                (Confined.Query<Object, Object>) ignored -> 1,
                1,
                1L,
                true);
        if (type == Object.class) {
            return ECHO;
        }
        Class<?> boxed = java.lang.invoke.MethodType.methodType(type).wrap().returnType();
        return all.stream()
                .filter(boxed::isInstance)
                .findFirst()
                .orElseThrow(() -> new AssertionError("add a sample of " + type));
    }

    /** The Javadoc of the methods of that name; of Reactor's, what stands here. */
    private static String documentation(String key) {
        String type = key.substring(0, key.indexOf('.'));
        String name = key.substring(key.indexOf('.') + 1, key.indexOf('('));
        if (type.equals("Scheduler")) {
            return "RejectedExecutionException IllegalStateException";
        }
        Path folder = Path.of(System.getProperty("basedir", "")).resolve("src/main/java/reactor/ffi");
        try (Stream<Path> files = Files.walk(folder)) {
            Path file = files.filter(path -> path.endsWith(type + ".java"))
                    .findFirst()
                    .orElseThrow();
            return Pattern.compile("/\\*\\*((?:(?!\\*/).)*)\\*/([^;{]*)", Pattern.DOTALL)
                            .matcher(Files.readString(file))
                            .results()
                            .filter(found -> found.group(2).contains(" " + name + "("))
                            .map(found -> found.group(1))
                            .collect(Collectors.joining())
                    + (key.contains("NativeMemory") || key.contains("NativeSignals")
                            ? Files.readString(folder.resolve("package-info.java"))
                            : "");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
