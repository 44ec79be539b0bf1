package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Follows pointers that lie inside an argument, and keeps the argument's scope: what they lead to cannot be read after the
 * argument itself has died. Any thread that may read the parent may call these.
 */
public final class NativeMemory {

    private NativeMemory() {}

    /**
     * The memory that a pointer field points to.
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
     * The NUL-terminated UTF-8 string that a pointer field points to.
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
