package reactor.ffi.internal.stream;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import reactor.ffi.CallbackType;
import reactor.ffi.Copied;
import reactor.ffi.ListenerType;
import reactor.ffi.Records;
import reactor.ffi.internal.ring.Copies;
import reactor.ffi.internal.ring.JavaProducer;
import reactor.ffi.internal.ring.Machine;
import reactor.ffi.internal.ring.RecordBatch;
import reactor.ffi.internal.ring.RecordReader;
import reactor.ffi.internal.ring.Results;
import reactor.ffi.internal.ring.Ring;
import reactor.ffi.internal.ring.Shape;
import reactor.ffi.internal.upcall.NativeAccess;
import reactor.ffi.internal.upcall.Signature;

/** A functional interface as the type of listeners: its shape, what C gets, and the handle that gives a record to a handler. */
public final class ListenerSignature<F> implements ListenerType<F> {

    private static final ClassValue<ListenerSignature<?>> OF_CLASS = new ClassValue<>() {
        @Override
        protected ListenerSignature<?> computeValue(Class<?> type) {
            return of(Signature.of(type));
        }
    };

    final Signature<F> signature;
    final Shape shape;

    /** Null if C expects a result, and none has been given yet. */
    private final @Nullable Results results;

    /** {@code (Object handler, long record)void} */
    final MethodHandle reader;

    /** {@code (Object producer, arguments...)result}; made where there is no machine code, perhaps twice. */
    private volatile @Nullable MethodHandle entry;

    /** Whether signal handlers may call its listeners. */
    final boolean signalSafe;

    private ListenerSignature(
            Signature<F> signature, Shape shape, MethodHandle reader, @Nullable Results results, boolean signalSafe) {
        this.signature = signature;
        this.shape = shape;
        this.reader = reader;
        this.results = results;
        this.signalSafe = signalSafe;
    }

    @SuppressWarnings("unchecked") // keyed by the class itself
    public static <F> ListenerSignature<F> of(Class<F> type) {
        return (ListenerSignature<F>) OF_CLASS.get(requireNonNull(type, "type"));
    }

    public static <F> ListenerSignature<F> of(CallbackType<F> type) {
        Signature<F> signature = (Signature<F>) requireNonNull(type, "type");
        NativeAccess.require(signature.name());
        MethodHandle method = signature.method();
        FunctionDescriptor descriptor = signature.descriptor();
        Shape shape = Shape.of(signature.name(), descriptor);
        Results none = descriptor.returnLayout().isPresent() ? null : new Results(0, 0, 0);
        return new ListenerSignature<>(signature, shape, RecordReader.of(shape, descriptor, method), none, false);
    }

    @Override
    public ListenerType<F> copy(int parameter, Copied copied) {
        requireNonNull(copied, "copied");
        if (!(parameter(parameter) instanceof AddressLayout)) {
            throw new IllegalArgumentException("parameter " + parameter + " of " + signature.name()
                    + " is no pointer: copy what pointers lead to");
        }
        Shape more = shape.with(
                switch (copied) {
                    case Copied.Text text -> new Shape.Copy(Shape.CopyKind.TEXT, parameter, 0, text.most());
                    case Copied.Bytes bytes ->
                        new Shape.Copy(Shape.CopyKind.BYTES, parameter, length(bytes.lengthParameter()), bytes.most());
                    case Copied.Struct struct ->
                        new Shape.Copy(Shape.CopyKind.STRUCT, parameter, 0, (int)
                                struct.layout().byteSize());
                });
        MethodHandle reads = RecordReader.of(more, signature.descriptor(), signature.method());
        return new ListenerSignature<>(signature, more, reads, results, signalSafe);
    }

    private int length(int parameter) {
        MemoryLayout layout = parameter(parameter);
        if (!(layout instanceof ValueLayout value)
                || value.carrier() == float.class
                || value.carrier() == double.class
                || value.carrier() == boolean.class
                || value.carrier() == MemorySegment.class) {
            throw new IllegalArgumentException("parameter " + parameter + " of " + signature.name()
                    + " is no whole number: give the parameter with the number of bytes");
        }
        return parameter;
    }

    private MemoryLayout parameter(int parameter) {
        List<MemoryLayout> layouts = signature.descriptor().argumentLayouts();
        if (parameter < 0 || parameter >= layouts.size()) {
            throw new IllegalArgumentException(
                    signature.name() + " has no parameter " + parameter + ", but " + layouts.size() + ", from 0");
        }
        return layouts.get(parameter);
    }

    @Override
    public ListenerType<F> answering(long taken, long full, long late) {
        Class<?> result = result();
        if (result == float.class || result == double.class) {
            return answering((double) taken, (double) full, (double) late);
        }
        return with(new Results(fit(taken, result), fit(full, result), fit(late, result)));
    }

    @Override
    public ListenerType<F> answering(double taken, double full, double late) {
        Class<?> result = result();
        if (result == float.class) {
            return with(new Results(bits((float) taken), bits((float) full), bits((float) late)));
        }
        if (result == double.class) {
            return with(new Results(bits(taken), bits(full), bits(late)));
        }
        throw new IllegalArgumentException(
                "the result of " + signature.name() + " is " + result.getSimpleName() + ": answer whole numbers");
    }

    private ListenerType<F> with(Results results) {
        return new ListenerSignature<>(signature, shape, reader, results, signalSafe);
    }

    @Override
    public ListenerType<F> signalSafe() {
        return new ListenerSignature<>(signature, shape, reader, results, true);
    }

    private Class<?> result() {
        return signature
                .descriptor()
                .returnLayout()
                .map(layout -> ((ValueLayout) layout).carrier())
                .orElseThrow(() ->
                        new IllegalArgumentException(signature.name() + " has no result: leave .answering(...) out"));
    }

    private long fit(long value, Class<?> result) {
        boolean fits = result == boolean.class
                ? value == 0 || value == 1
                : result == byte.class
                        ? value == (byte) value
                        : result == short.class
                                ? value == (short) value
                                : result == char.class
                                        ? value == (char) value
                                        : result != int.class || value == (int) value;
        if (!fits) {
            throw new IllegalArgumentException("the result of " + signature.name() + " is " + result.getSimpleName()
                    + ", which cannot be " + value);
        }
        return value;
    }

    private static long bits(float value) {
        return Float.floatToRawIntBits(value);
    }

    private static long bits(double value) {
        return Double.doubleToRawLongBits(value);
    }

    @Override
    public boolean isNative() {
        return Machine.hasEmitter();
    }

    /** Returns what gets each record; throws for a handler, or a type, that no listener can be made of. */
    ListenerHandler handler(F handler) {
        F checked = signature.instance(handler, "handler");
        Results _ = results();
        checkSignalSafe();
        return new ListenerHandler.Each(reader, checked);
    }

    /** Returns what gets records in batches; throws for a type that no listener can be made of. */
    ListenerHandler batchHandler(Consumer<? super Records> handler) {
        requireNonNull(handler, "handler");
        Results _ = results();
        checkSignalSafe();
        return new ListenerHandler.Batches(handler);
    }

    private void checkSignalSafe() {
        if (signalSafe && !isNative()) {
            throw new UnsupportedOperationException(
                    "a listener of " + signature.name()
                            + " is an upcall here, which a signal handler must not call: there is machine code on Linux, on x86-64 and aarch64");
        }
    }

    /** Returns what {@link #reader} is given. */
    Object target(ListenerHandler handler, Copies copies) {
        return shape.copies().isEmpty() ? handler.ofUser() : new Copies.Target(copies, handler.ofUser());
    }

    /** Makes what a handler reads a batch of these records by. */
    RecordBatch batch(Ring ring, Copies copies) {
        return new RecordBatch(signature.name(), shape, signature.descriptor(), ring, copies);
    }

    Results results() {
        if (results == null) {
            throw new IllegalArgumentException(signature.name()
                    + " has a result, and C does not wait for the handler: say what C gets, by"
                    + " ListenerType.of(...).answering(taken, full, late), or use sink.callback");
        }
        return results;
    }

    /** What an upcall invokes with a {@link JavaProducer}. */
    MethodHandle entry() {
        MethodHandle made = entry;
        if (made == null) {
            made = JavaProducer.entry(shape, signature.neutralDescriptor());
            entry = made;
        }
        return made;
    }

    /** Answers late calls of an upcall; null if that is the zero of the result. */
    @Nullable
    F late() {
        long late = results().late();
        if (late == 0) {
            return null;
        }
        Object result = answer(result(), late);
        Class<F> type = signature.type();
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (_, _, _) -> result));
    }

    private static Object answer(Class<?> result, long bits) {
        return switch (result.getName()) {
            case "boolean" -> bits != 0;
            case "byte" -> (byte) bits;
            case "short" -> (short) bits;
            case "char" -> (char) bits;
            case "int" -> (int) bits;
            case "long" -> bits;
            case "float" -> Float.intBitsToFloat((int) bits);
            case "double" -> Double.longBitsToDouble(bits);
            default -> MemorySegment.ofAddress(bits);
        };
    }

    @Override
    public String toString() {
        return "ListenerType[" + signature.name() + ", " + signature.descriptor() + "]";
    }
}
