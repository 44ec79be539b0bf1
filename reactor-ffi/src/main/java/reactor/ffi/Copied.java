package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.MemoryLayout;

/**
 * What is copied of the memory that a pointer argument of a listener leads to, see {@link ListenerType#copy}: while C calls,
 * because that memory may be gone when the handler runs. Immutable.
 */
public sealed interface Copied {

    /** The most bytes of one copy. */
    int MOST = 65_536;

    /**
     * Copies a C string: up to its NUL, and not beyond so many bytes. The handler's segment ends with a NUL in any case, so that
     * {@code getString(0)} reads it. A string that is longer is cut, and its call counts as {@link CallbackMetrics#cutCalls}.
     *
     * @param most the most bytes, without the NUL, from 1 to 65,536
     * @return what is copied
     * @throws IllegalArgumentException if the number is out of that range
     */
    static Copied text(int most) {
        return new Text(most);
    }

    /**
     * Copies as many bytes as another argument says, and not more than so many. C's number is taken as unsigned: a negative one
     * means the most. If C's number is larger than the segment's, the bytes were cut, and the call counts as
     * {@link CallbackMetrics#cutCalls}.
     *
     * @param lengthParameter the index of the parameter that has the number of bytes, from 0
     * @param most the most bytes, from 1 to 65,536
     * @return what is copied
     * @throws IllegalArgumentException if a number is out of its range
     */
    static Copied bytes(int lengthParameter, int most) {
        return new Bytes(lengthParameter, most);
    }

    /**
     * Copies a struct, or anything else of a known size. What pointers inside lead to is not copied.
     *
     * @param layout its layout, from 1 to 65,536 bytes
     * @return what is copied
     * @throws IllegalArgumentException if the layout has another size
     */
    static Copied struct(MemoryLayout layout) {
        return new Struct(layout);
    }

    /**
     * A C string.
     *
     * @param most the most bytes, without the NUL
     */
    record Text(int most) implements Copied {
        /**
         * Checks the arguments.
         *
         * @throws IllegalArgumentException if the number of bytes is not from 1 to 65,536
         */
        public Text {
            requireInRange(most);
        }
    }

    /**
     * Bytes, and another argument with their number.
     *
     * @param lengthParameter the index of the parameter that has the number
     * @param most the most bytes
     */
    record Bytes(int lengthParameter, int most) implements Copied {
        /**
         * Checks the arguments.
         *
         * @throws IllegalArgumentException if the index is negative, or the number of bytes is not from 1 to 65,536
         */
        public Bytes {
            if (lengthParameter < 0) {
                throw new IllegalArgumentException(
                        "lengthParameter is " + lengthParameter + "; parameters are counted from 0");
            }
            requireInRange(most);
        }
    }

    /**
     * A struct.
     *
     * @param layout its layout
     */
    record Struct(MemoryLayout layout) implements Copied {
        /**
         * Checks the arguments.
         *
         * @throws IllegalArgumentException if the size of the layout is not from 1 to 65,536 bytes
         */
        public Struct {
            requireInRange(requireNonNull(layout, "layout").byteSize());
        }
    }

    private static void requireInRange(long bytes) {
        if (bytes < 1 || bytes > MOST) {
            throw new IllegalArgumentException("a copy of " + bytes + " bytes; it must have from 1 to " + MOST);
        }
    }
}
