package reactor.ffi.samples.benchmarks.jmh;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import reactor.ffi.CFunction;
import reactor.ffi.NativeCallback;

/**
 * A downcall of a function pointer that is itself an upcall, on one thread: the bare stub, that of a slot, and that of a slot
 * with a pointer argument that gets a scope. Their differences are what dispatch and scope cost.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class UpcallBenchmark {

    /** {@code int32_t (*)(int32_t)}. */
    @FunctionalInterface
    public interface OfInt {
        /** The C signature. */
        int call(int value);
    }

    /** {@code int32_t (*)(const char *)}. */
    @FunctionalInterface
    public interface OfPointer {
        /** The C signature. */
        int call(MemorySegment text);
    }

    private final MemorySegment text = Arena.global().allocateFrom("event");
    private OfInt bareInt;
    private OfPointer barePointer;
    private NativeCallback<OfInt> slotInt;
    private NativeCallback<OfPointer> slotPointer;
    private OfInt throughSlotInt;
    private OfPointer throughSlotPointer;

    /** Makes the pointers. */
    @Setup
    public void make() throws ReflectiveOperationException {
        OfInt ofInt = value -> value + 1;
        OfPointer ofBarePointer = pointer -> pointer.reinterpret(1).get(JAVA_BYTE, 0);
        bareInt = CFunction.at(
                stub(
                        MethodHandles.lookup()
                                .findVirtual(
                                        OfInt.class,
                                        "call",
                                        FunctionDescriptor.of(JAVA_INT, JAVA_INT)
                                                .toMethodType())
                                .bindTo(ofInt),
                        FunctionDescriptor.of(JAVA_INT, JAVA_INT)),
                OfInt.class);
        barePointer = CFunction.at(
                stub(
                        MethodHandles.lookup()
                                .findVirtual(
                                        OfPointer.class,
                                        "call",
                                        FunctionDescriptor.of(JAVA_INT, ADDRESS).toMethodType())
                                .bindTo(ofBarePointer),
                        FunctionDescriptor.of(JAVA_INT, ADDRESS)),
                OfPointer.class);
        slotInt = NativeCallback.direct(OfInt.class, ofInt);
        slotPointer = NativeCallback.direct(OfPointer.class, pointer -> pointer.get(JAVA_BYTE, 0));
        throughSlotInt = CFunction.at(slotInt.pointer(), OfInt.class);
        throughSlotPointer = CFunction.at(slotPointer.pointer(), OfPointer.class);
    }

    /** Closes the callbacks. */
    @TearDown
    public void close() {
        slotInt.close();
        slotPointer.close();
    }

    private static MemorySegment stub(MethodHandle target, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().upcallStub(target, descriptor, Arena.global());
    }

    /** No library between. */
    @Benchmark
    public int bare() {
        return bareInt.call(1);
    }

    /** Slot, guard, and the record of who is inside. */
    @Benchmark
    public int slot() {
        return throughSlotInt.call(1);
    }

    /** No library between, an argument that must be reinterpreted by hand. */
    @Benchmark
    public int barePointer() {
        return barePointer.call(text);
    }

    /** As {@link #slot}, and a scope for the argument. */
    @Benchmark
    public int slotPointer() {
        return throughSlotPointer.call(text);
    }
}
