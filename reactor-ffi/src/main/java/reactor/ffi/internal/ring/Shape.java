package reactor.ffi.internal.ring;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * A C function type as the machine code sees it: sizes of arguments, integer or floating, and the register of the result. Types
 * that differ in names, signs, or in pointer and number, are one shape.
 */
public record Shape(List<Kind> arguments, Result result, List<Copy> copies) {

    private static final int MOST_ARGUMENTS = 127;

    /** What one argument is. */
    enum Kind {
        BYTE(1),
        SHORT(2),
        INT(4),
        LONG(8),
        FLOAT(4),
        DOUBLE(8);

        final int bytes;

        Kind(int bytes) {
            this.bytes = bytes;
        }

        boolean isFloating() {
            return this == FLOAT || this == DOUBLE;
        }
    }

    /** Where C expects the result. */
    enum Result {
        NONE,
        INTEGER,
        FLOATING
    }

    /** What is copied of the memory that a pointer leads to. */
    public enum CopyKind {
        /** Up to its NUL. */
        TEXT,
        /** As many as another argument says. */
        BYTES,
        /** All. */
        STRUCT
    }

    /**
     * A copy of what an argument points to, at most so many bytes.
     *
     * @param length the argument with the number of bytes, where there is one
     */
    public record Copy(CopyKind kind, int argument, int length, int most) {

        /** How many bytes the record has for it: a text gets a NUL. */
        int bytes() {
            return kind == CopyKind.TEXT ? most + 1 : most;
        }
    }

    public Shape {
        arguments = List.copyOf(arguments);
        copies = List.copyOf(copies);
    }

    Shape(List<Kind> arguments, Result result) {
        this(arguments, result, List.of());
    }

    /** Returns this shape with one copy more, or with another one of the same argument. */
    public Shape with(Copy copy) {
        List<Copy> more = new ArrayList<>(copies);
        more.removeIf(other -> other.argument() == copy.argument());
        more.add(copy);
        return new Shape(arguments, result, more);
    }

    /**
     * The shape of a C function type.
     *
     * @param name of the type, for messages
     * @throws IllegalArgumentException if machine code cannot copy one of its arguments
     */
    public static Shape of(String name, FunctionDescriptor type) {
        if (type.argumentLayouts().size() > MOST_ARGUMENTS) {
            throw new IllegalArgumentException(name + " has "
                    + type.argumentLayouts().size() + " parameters; a listener copies at most " + MOST_ARGUMENTS);
        }
        List<Kind> arguments = type.argumentLayouts().stream()
                .map(layout -> kind("a parameter", name, layout))
                .toList();
        Result result = type.returnLayout()
                .map(layout -> kind("the result", name, layout).isFloating() ? Result.FLOATING : Result.INTEGER)
                .orElse(Result.NONE);
        return new Shape(arguments, result);
    }

    private static Kind kind(String what, String name, MemoryLayout layout) {
        if (!(layout instanceof ValueLayout value)) {
            throw new IllegalArgumentException(what + " of " + name + " is a struct or union by value, " + layout
                    + ", which a listener cannot copy: use sink.callback");
        }
        if (value.order() != ByteOrder.nativeOrder() || value.byteAlignment() != value.byteSize()) {
            throw new IllegalArgumentException(
                    what + " of " + name + " has a layout that this platform's C does not: " + layout);
        }
        Class<?> carrier = value.carrier();
        if (carrier == float.class) {
            return Kind.FLOAT;
        }
        if (carrier == double.class) {
            return Kind.DOUBLE;
        }
        return switch ((int) value.byteSize()) {
            case 1 -> Kind.BYTE;
            case 2 -> Kind.SHORT;
            case 4 -> Kind.INT;
            default -> Kind.LONG;
        };
    }

    /** Where in a record that argument lies: each aligned to its size, in their order. */
    int offset(int argument) {
        int end = RingLayout.ARGUMENTS;
        for (int i = 0; i < argument; i++) {
            end = aligned(end, arguments.get(i).bytes) + arguments.get(i).bytes;
        }
        return aligned(end, arguments.get(argument).bytes);
    }

    /** Where in a record the bytes of that copy lie: aligned to 16. Eight bytes before them belong to {@link Copies}. */
    int data(int copy) {
        int end = argumentsEnd();
        for (int i = 0; i < copy; i++) {
            end = aligned(end + 8, 16) + copies.get(i).bytes();
        }
        return aligned(end + 8, 16);
    }

    /** The bytes of one record. */
    public int recordSize() {
        int last = copies.size() - 1;
        return aligned(last < 0 ? argumentsEnd() : data(last) + copies.get(last).bytes(), 32);
    }

    private int argumentsEnd() {
        int last = arguments.size() - 1;
        return last < 0 ? RingLayout.ARGUMENTS : offset(last) + arguments.get(last).bytes;
    }

    private static int aligned(int offset, int to) {
        return (offset + to - 1) & -to;
    }
}
