package reactor.ffi.internal.upcall;

import static java.lang.invoke.MethodType.methodType;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayList;
import java.util.List;

/**
 * Wraps the call of a handler, on the thread that runs the handler. The JDK passes a pointer as a number, and the
 * segment is made here: the JDK would make the segment before the library's first frame, where nothing catches an {@code
 * OutOfMemoryError}. Each memory argument gets a scope that ends with the call. The result is checked here, and a struct
 * is copied while its own scope is alive, because the JDK reads the result after the library's last frame has returned.
 */
final class Arguments {

    private static final MethodHandle OPEN;
    private static final MethodHandle CLOSE;
    private static final MethodHandle POINTER;
    private static final MethodHandle STRUCT;
    private static final MethodHandle HANDLE;
    private static final MethodHandle POINTER_RESULT;
    private static final MethodHandle STRUCT_RESULT;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            OPEN = lookup.findStatic(Arena.class, "ofConfined", methodType(Arena.class));
            CLOSE = lookup.findVirtual(Arena.class, "close", methodType(void.class));
            POINTER = lookup.findStatic(
                    Arguments.class, "pointer", methodType(MemorySegment.class, long.class, Arena.class, long.class));
            STRUCT = lookup.findStatic(
                    Arguments.class,
                    "struct",
                    methodType(MemorySegment.class, long.class, Arena.class, MemorySegment.class));
            HANDLE = lookup.findStatic(Arguments.class, "handle", methodType(MemorySegment.class, long.class));
            POINTER_RESULT = lookup.findStatic(
                    Arguments.class, "pointerResult", methodType(long.class, String.class, MemorySegment.class));
            STRUCT_RESULT = lookup.findStatic(
                    Arguments.class,
                    "structResult",
                    methodType(MemorySegment.class, String.class, long.class, MemorySegment.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private Arguments() {}

    /**
     * Adds the scope of the arguments and the check of the result.
     *
     * @param handler a handle of type {@code (Object, arguments...)result}
     * @param handles bit i says that parameter i is a handle
     * @return a handle of the same type, with {@code long} for each pointer
     */
    static MethodHandle wrap(String name, MethodHandle handler, FunctionDescriptor descriptor, long handles) {
        MethodHandle checked = handler;
        if (descriptor.returnLayout().orElse(null) instanceof GroupLayout struct) {
            checked = MethodHandles.filterReturnValue(
                    handler, MethodHandles.insertArguments(STRUCT_RESULT, 0, name, struct.byteSize()));
        } else if (descriptor.returnLayout().orElse(null) instanceof AddressLayout) {
            checked = MethodHandles.filterReturnValue(handler, MethodHandles.insertArguments(POINTER_RESULT, 0, name));
        }
        return scope(checked, descriptor.argumentLayouts(), handles);
    }

    private static MethodHandle scope(MethodHandle handler, List<MemoryLayout> arguments, long handles) {
        MethodType type = handler.type();
        MethodHandle call = handler;
        // From the last parameter to the first: what is in front keeps its position. One Arena before each scoped
        // argument.
        List<Integer> order = new ArrayList<>();
        order.add(1);
        boolean any = false;
        for (int i = arguments.size() - 1; i >= 0; i--) {
            MemoryLayout layout = arguments.get(i);
            if (layout instanceof AddressLayout) {
                type = type.changeParameterType(i + 1, long.class);
            }
            if (isHandle(handles, i)) {
                call = MethodHandles.filterArguments(call, i + 1, HANDLE);
            } else if (isMemory(layout)) {
                call = MethodHandles.collectArguments(call, i + 1, scoped(layout));
                any = true;
            }
        }
        if (!any) {
            return call;
        }
        for (int i = 0; i < arguments.size(); i++) {
            if (!isHandle(handles, i) && isMemory(arguments.get(i))) {
                order.add(0);
            }
            order.add(i + 2);
        }
        MethodHandle inScope = MethodHandles.permuteArguments(
                call,
                type.insertParameterTypes(0, Arena.class),
                order.stream().mapToInt(Integer::intValue).toArray());
        return MethodHandles.foldArguments(MethodHandles.tryFinally(inScope, close(type.returnType())), OPEN);
    }

    /** {@code (Throwable, result, Arena)result}. */
    private static MethodHandle close(Class<?> result) {
        MethodHandle close =
                result == void.class ? CLOSE : MethodHandles.collectArguments(MethodHandles.identity(result), 1, CLOSE);
        return MethodHandles.dropArguments(close, 0, Throwable.class);
    }

    private static boolean isHandle(long handles, int parameter) {
        return parameter < Long.SIZE && (handles >>> parameter & 1) != 0;
    }

    private static boolean isMemory(MemoryLayout layout) {
        return layout instanceof AddressLayout || layout instanceof GroupLayout;
    }

    /** {@code (Arena, long)MemorySegment} for a pointer, {@code (Arena, MemorySegment)MemorySegment} for a struct. */
    private static MethodHandle scoped(MemoryLayout memory) {
        return memory instanceof AddressLayout pointer
                ? MethodHandles.insertArguments(
                        POINTER,
                        0,
                        pointer.targetLayout().map(MemoryLayout::byteSize).orElse(Long.MAX_VALUE))
                : MethodHandles.insertArguments(STRUCT, 0, memory.byteSize());
    }

    @SuppressWarnings({"unused", "restricted"}) // POINTER; the size is C's word
    private static MemorySegment pointer(long size, Arena run, long address) {
        return address == 0
                ? MemorySegment.NULL
                : MemorySegment.ofAddress(address).reinterpret(size, run, null);
    }

    @SuppressWarnings({"unused", "restricted"}) // STRUCT
    private static MemorySegment struct(long size, Arena run, MemorySegment argument) {
        return argument.reinterpret(size, run, null);
    }

    @SuppressWarnings("unused") // HANDLE
    private static MemorySegment handle(long address) {
        return address == 0 ? MemorySegment.NULL : MemorySegment.ofAddress(address);
    }

    @SuppressWarnings("unused") // POINTER_RESULT
    private static long pointerResult(String name, MemorySegment result) {
        if (result == null) {
            return 0;
        }
        if (!result.isNative()) {
            throw new IllegalStateException(
                    "the handler of " + name
                            + " returned a heap segment, which has no address in C: allocate it in an arena that outlives the call");
        }
        if (!result.scope().isAlive()) {
            throw new IllegalStateException(
                    "the handler of " + name
                            + " returned a pointer to memory that is already freed: allocate it in an arena that outlives the call");
        }
        return result.address();
    }

    /**
     * Copies a struct result to the heap, where the thread that leaves the upcall can read it and where it need not be
     * freed.
     */
    @SuppressWarnings("unused") // STRUCT_RESULT
    private static MemorySegment structResult(String name, long size, MemorySegment result) {
        if (result == null) {
            throw new IllegalStateException("the handler of " + name + " returned null for a struct by value of " + size
                    + " bytes: return a segment that holds it");
        }
        if (result.byteSize() < size) {
            throw new IllegalStateException("the handler of " + name + " returned " + result.byteSize()
                    + " bytes for a struct by value of " + size + " bytes: return a segment that holds it");
        }
        MemorySegment copy =
                MemorySegment.ofArray(new long[(int) ((size + 7) / 8)]).asSlice(0, size);
        return copy.copyFrom(result.asSlice(0, size));
    }
}
