package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads the memory that pointers of C lead to, and what C writes through out parameters.
 *
 * <p>A segment that is read through a pointer keeps the scope of that pointer, or of the memory that holds the pointer:
 * memory that an argument of a callback leads to cannot be read after the argument itself has died. A thread that may
 * read the pointer may read the segment. A pointer of length zero, such as the result of a function, is read as far as
 * C would read; if the pointer leads to memory that is freed or shorter, the JVM may crash. A segment that has a
 * length, such as one from an arena, is not read beyond its end.
 */
public final class NativeMemory {

    private static final int MAX_ARRAY = Integer.MAX_VALUE - 8;

    private NativeMemory() {}

    /**
     * Returns the memory that a pointer field points to.
     *
     * @param parent the memory that holds the pointer
     * @param offset where the pointer lies in it, in bytes
     * @param size how many bytes it points to
     * @return a segment of that size with the parent's scope, or {@link MemorySegment#NULL} if the pointer is NULL
     * @throws IndexOutOfBoundsException if the pointer does not lie within the parent
     * @throws IllegalArgumentException if the size is negative
     * @throws IllegalStateException if the parent has died
     * @throws WrongThreadException if the parent belongs to another thread, as an argument does to that of its handler
     */
    @SuppressWarnings("restricted") // trusts the size that the caller gives, as C does
    public static MemorySegment at(MemorySegment parent, long offset, long size) {
        if (size < 0) {
            throw new IllegalArgumentException(
                    "size is " + size + "; give the number of bytes that the pointer leads to");
        }
        MemorySegment pointer = requireNonNull(parent, "parent").get(ValueLayout.ADDRESS_UNALIGNED, offset);
        return pointer.address() == 0
                ? MemorySegment.NULL
                : pointer.reinterpret(size, new Within(parent.scope()), null);
    }

    /**
     * Returns the NUL-terminated UTF-8 string that a pointer field points to.
     *
     * @param parent the memory that holds the pointer
     * @param offset where the pointer lies in it, in bytes
     * @return a copy of the string
     * @throws IndexOutOfBoundsException if the pointer does not lie within the parent
     * @throws NullPointerException if the pointer is NULL
     * @throws IllegalStateException if the parent has died
     * @throws WrongThreadException if the parent belongs to another thread, as an argument does to that of its handler
     */
    public static String string(MemorySegment parent, long offset) {
        MemorySegment chars = at(parent, offset, Long.MAX_VALUE);
        if (chars.address() == 0) {
            throw new NullPointerException(
                    "the pointer at offset " + offset + " is NULL; where NULL is allowed, ask NativeMemory.at first");
        }
        return chars.getString(0);
    }

    /**
     * Copies the NUL-terminated UTF-8 string that a pointer leads to: of a pointer that is the result of a function, or the
     * argument of a callback.
     *
     * @param pointer the first character
     * @return a copy of the string, or null if the pointer is NULL
     * @throws IndexOutOfBoundsException if the segment has a length, and no NUL lies within that
     * @throws IllegalStateException if the segment has died
     * @throws WrongThreadException if the segment belongs to another thread
     */
    public static @Nullable String string(MemorySegment pointer) {
        return isNull(requireNonNull(pointer, "pointer"))
                ? null
                : unbounded(pointer).getString(0);
    }

    /**
     * Copies bytes that a pointer leads to.
     *
     * @param pointer the first byte; it may be NULL if the length is 0
     * @param length the number of bytes
     * @return the copied bytes
     * @throws IllegalArgumentException if the length is negative, or more than an array can have
     * @throws NullPointerException if the pointer is NULL and the length is not 0
     * @throws IndexOutOfBoundsException if the segment has a length that is less
     * @throws IllegalStateException if the segment has died
     * @throws WrongThreadException if the segment belongs to another thread
     */
    public static byte[] bytes(MemorySegment pointer, long length) {
        requireNonNull(pointer, "pointer");
        if (length < 0 || length > MAX_ARRAY) {
            throw new IllegalArgumentException(
                    "length is " + length + "; give the number of bytes, which must be from 0 to " + MAX_ARRAY);
        }
        if (length == 0) {
            return new byte[0];
        }
        if (isNull(pointer)) {
            throw new NullPointerException("the pointer is NULL, so it does not lead to " + length
                    + " bytes; where NULL is allowed, compare it with MemorySegment.NULL first");
        }
        return unbounded(pointer).asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
    }

    /**
     * Reads an array of pointers whose end is a NULL, as in {@code char **environ}.
     *
     * @param array its first element
     * @return the pointers without the NULL, each of length zero and with the scope of the array; no pointers if the array
     *     itself is NULL
     * @throws IndexOutOfBoundsException if the segment has a length, and no NULL lies within that
     * @throws IllegalStateException if the segment has died
     * @throws WrongThreadException if the segment belongs to another thread
     */
    public static List<MemorySegment> pointers(MemorySegment array) {
        List<MemorySegment> pointers = new ArrayList<>();
        if (!isNull(requireNonNull(array, "array"))) {
            MemorySegment elements = unbounded(array);
            MemorySegment pointer = at(elements, 0, 0);
            while (pointer.address() != 0) {
                pointers.add(pointer);
                pointer = at(elements, pointers.size() * ValueLayout.ADDRESS.byteSize(), 0);
            }
        }
        return List.copyOf(pointers);
    }

    /**
     * Copies the NUL-terminated UTF-8 strings of an array whose end is a NULL.
     *
     * @param array its first element
     * @return a copy of each string; no strings if the array itself is NULL
     * @throws IndexOutOfBoundsException if the segment has a length, and no NULL lies within that
     * @throws IllegalStateException if the segment has died
     * @throws WrongThreadException if the segment belongs to another thread
     */
    public static List<String> strings(MemorySegment array) {
        return pointers(array).stream()
                .map(pointer -> unbounded(pointer).getString(0))
                .toList();
    }

    /**
     * Allocates an array of NUL-terminated UTF-8 strings whose end is a NULL, as {@code argv} is.
     *
     * @param allocator allocates the array and the strings; they live as long as it says
     * @param strings the strings
     * @return the array
     * @throws NullPointerException if a string is null
     */
    public static MemorySegment allocateStrings(SegmentAllocator allocator, List<String> strings) {
        requireNonNull(allocator, "allocator");
        String[] copy = requireNonNull(strings, "strings").toArray(String[]::new);
        MemorySegment array = allocator.allocate(ValueLayout.ADDRESS, copy.length + 1L);
        for (int i = 0; i < copy.length; i++) {
            String string = requireNonNull(copy[i], "the strings have a null at " + i);
            array.setAtIndex(ValueLayout.ADDRESS, i, allocator.allocateFrom(string));
        }
        array.setAtIndex(ValueLayout.ADDRESS, copy.length, MemorySegment.NULL);
        return array;
    }

    /**
     * Calls a function that writes a pointer through its out parameter.
     *
     * @param layout {@link ValueLayout#ADDRESS}, with a target layout if the size of what it leads to is known
     * @param call calls the function with the out parameter, which lives for this call, and is NULL at first
     * @return what the function has written
     */
    public static MemorySegment out(AddressLayout layout, Consumer<MemorySegment> call) {
        try (Arena arena = Arena.ofConfined()) {
            return written(arena, layout, call).get(layout, 0);
        }
    }

    /**
     * Calls a function that writes an {@code int32_t} through its out parameter.
     *
     * @param layout {@link ValueLayout#JAVA_INT}
     * @param call calls the function with the out parameter, which lives for this call, and is 0 at first
     * @return what the function has written
     */
    public static int out(ValueLayout.OfInt layout, Consumer<MemorySegment> call) {
        try (Arena arena = Arena.ofConfined()) {
            return written(arena, layout, call).get(layout, 0);
        }
    }

    /**
     * Calls a function that writes an {@code int64_t} or {@code size_t} through its out parameter.
     *
     * @param layout {@link ValueLayout#JAVA_LONG}
     * @param call calls the function with the out parameter, which lives for this call, and is 0 at first
     * @return what the function has written
     */
    public static long out(ValueLayout.OfLong layout, Consumer<MemorySegment> call) {
        try (Arena arena = Arena.ofConfined()) {
            return written(arena, layout, call).get(layout, 0);
        }
    }

    private static MemorySegment written(Arena arena, ValueLayout layout, Consumer<MemorySegment> call) {
        requireNonNull(call, "call");
        MemorySegment out = arena.allocate(requireNonNull(layout, "layout"));
        call.accept(out);
        return out;
    }

    private static boolean isNull(MemorySegment pointer) {
        return pointer.isNative() && pointer.address() == 0;
    }

    /** C gives no length with a pointer; a segment that has one keeps it. */
    @SuppressWarnings("restricted") // trusts the pointer, as C does
    private static MemorySegment unbounded(MemorySegment pointer) {
        return pointer.byteSize() == 0 && pointer.isNative()
                ? pointer.reinterpret(Long.MAX_VALUE, new Within(pointer.scope()), null)
                : pointer;
    }

    /** An arena only in name: it lends an existing scope to a segment, and allocates nothing. */
    private record Within(MemorySegment.Scope scope) implements Arena {

        @Override
        public MemorySegment allocate(long byteSize, long byteAlignment) {
            throw new UnsupportedOperationException("this scope is borrowed");
        }

        @Override
        public void close() {
            throw new UnsupportedOperationException("this scope is borrowed");
        }
    }
}
