package reactor.ffi.internal.ring;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Calls methods with the arguments in a record. */
public final class RecordReader {

    private static final MethodHandle OF_ADDRESS;

    /** {@code (Object target)handler} */
    private static final MethodHandle HANDLER;

    /** {@code (int data, int more, Object target, long record)segment} */
    private static final MethodHandle COPY;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            OF_ADDRESS = lookup.findStatic(
                    MemorySegment.class, "ofAddress", MethodType.methodType(MemorySegment.class, long.class));
            HANDLER =
                    lookup.findStatic(RecordReader.class, "handler", MethodType.methodType(Object.class, Object.class));
            COPY = lookup.findStatic(
                    RecordReader.class,
                    "copy",
                    MethodType.methodType(MemorySegment.class, int.class, int.class, Object.class, long.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private static final int TARGET = 0;
    private static final int RECORD = 1;

    private RecordReader() {}

    /**
     * Returns the handle of type {@code (Object target, long record)void} that reads the arguments and calls a method.
     *
     * @param shape if it has copies, the target is a {@link Copies.Target}
     * @param method {@code (Object target, arguments...)}; its result, if it has one, is dropped
     */
    public static MethodHandle of(Shape shape, FunctionDescriptor type, MethodHandle method) {
        MethodHandle each = method.asType(method.type().changeReturnType(void.class));
        List<Integer> order = new ArrayList<>(List.of(TARGET)); // of each parameter, as the arguments are read
        for (int i = shape.arguments().size() - 1; i >= 0; i--) {
            MethodHandle copy = copy(shape, i);
            each = MethodHandles.collectArguments(
                    each, 1 + i, copy == null ? reader(type.argumentLayouts().get(i), shape.offset(i)) : copy);
            order.addAll(1, copy == null ? List.of(RECORD) : List.of(TARGET, RECORD));
        }
        if (!shape.copies().isEmpty()) {
            each = MethodHandles.filterArguments(each, 0, HANDLER);
        }
        return MethodHandles.permuteArguments(
                each,
                MethodType.methodType(void.class, Object.class, long.class),
                order.stream().mapToInt(Integer::intValue).toArray());
    }

    /** {@code (Object target, long record)segment}, or null if nothing is copied of the argument. */
    private static @Nullable MethodHandle copy(Shape shape, int argument) {
        for (int i = 0; i < shape.copies().size(); i++) {
            Shape.Copy copy = shape.copies().get(i);
            if (copy.argument() == argument) {
                return MethodHandles.insertArguments(COPY, 0, shape.data(i), more(copy));
            }
        }
        return null;
    }

    /** Returns how many bytes behind the copied ones a handler may see, too: the NUL of a text. */
    static int more(Shape.Copy copy) {
        return copy.kind() == Shape.CopyKind.TEXT ? 1 : 0;
    }

    @SuppressWarnings("UnusedMethod") // called by a handle
    private static Object handler(Object target) {
        return ((Copies.Target) target).handler();
    }

    @SuppressWarnings("UnusedMethod") // called by a handle
    private static MemorySegment copy(int data, int more, Object target, long record) {
        return ((Copies.Target) target).copies().at(record + data, more);
    }

    /**
     * Returns a handle of type {@code (long record)value}. A pointer becomes a segment of length zero, because the memory at
     * that address may be gone.
     */
    private static MethodHandle reader(MemoryLayout layout, int offset) {
        boolean pointer = layout instanceof AddressLayout;
        MemoryLayout value = pointer ? ValueLayout.JAVA_LONG : layout.withoutName();
        VarHandle field = MemoryLayout.structLayout(MemoryLayout.paddingLayout(offset), value.withName("value"))
                .varHandle(MemoryLayout.PathElement.groupElement("value"));
        MethodHandle read = field.toMethodHandle(VarHandle.AccessMode.GET).bindTo(Words.MEMORY);
        return pointer ? MethodHandles.filterReturnValue(read, OF_ADDRESS) : read;
    }
}
