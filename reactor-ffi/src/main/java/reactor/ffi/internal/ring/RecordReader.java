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

/** Gives the arguments in a record to a method. */
public final class RecordReader {

    private static final MethodHandle OF_ADDRESS;

    static {
        try {
            OF_ADDRESS = MethodHandles.lookup()
                    .findStatic(
                            MemorySegment.class, "ofAddress", MethodType.methodType(MemorySegment.class, long.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private RecordReader() {}

    /**
     * The handle of type {@code (Object target, long record)void} that reads the arguments and calls a method.
     *
     * @param method {@code (Object target, arguments...)}; its result, if it has one, is dropped
     */
    public static MethodHandle of(Shape shape, FunctionDescriptor type, MethodHandle method) {
        int count = shape.arguments().size();
        MethodHandle[] readers = new MethodHandle[count];
        int[] record = new int[count + 1]; // the target, then the record for each argument
        for (int i = 0; i < count; i++) {
            readers[i] = reader(type.argumentLayouts().get(i), shape.offset(i));
            record[i + 1] = 1;
        }
        MethodHandle each =
                MethodHandles.filterArguments(method.asType(method.type().changeReturnType(void.class)), 1, readers);
        return MethodHandles.permuteArguments(
                each, MethodType.methodType(void.class, Object.class, long.class), record);
    }

    /** {@code (long record)value}. A pointer becomes a segment of length zero: what it leads to may be gone. */
    private static MethodHandle reader(MemoryLayout layout, int offset) {
        boolean pointer = layout instanceof AddressLayout;
        MemoryLayout value = pointer ? ValueLayout.JAVA_LONG : layout.withoutName();
        VarHandle field = MemoryLayout.structLayout(MemoryLayout.paddingLayout(offset), value.withName("value"))
                .varHandle(MemoryLayout.PathElement.groupElement("value"));
        MethodHandle read = field.toMethodHandle(VarHandle.AccessMode.GET).bindTo(Words.MEMORY);
        return pointer ? MethodHandles.filterReturnValue(read, OF_ADDRESS) : read;
    }
}
