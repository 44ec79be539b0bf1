package reactor.ffi.internal.ring;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import reactor.ffi.Records;

/**
 * Consecutive records of one pointer, which a handler reads where they lie in the ring. One object serves all batches of a listener,
 * one after the other. All methods are called on the consumer's thread.
 */
public final class RecordBatch implements Records {

    private final String type;
    private final Ring ring;
    private final Class<?>[] carriers;
    private final int[] offsets;
    private final Shape shape;
    private final Copies copies;

    /** Which of the shape's copies is of each parameter; negative: none. */
    private final int[] copied;

    /** The position of the first record in the ring. */
    private long first;

    /** How many records the batch has; zero while no handler runs. */
    private int size;

    /**
     * Makes the batch of a listener, without records.
     *
     * @param name of the C function type, for messages
     */
    public RecordBatch(String name, Shape shape, FunctionDescriptor type, Ring ring, Copies copies) {
        this.type = name;
        this.ring = ring;
        this.shape = shape;
        this.copies = copies;
        this.carriers = type.argumentLayouts().stream()
                .map(layout -> ((ValueLayout) layout).carrier())
                .toArray(Class<?>[]::new);
        this.offsets = new int[carriers.length];
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = shape.offset(i);
        }
        this.copied = new int[carriers.length];
        Arrays.fill(copied, -1);
        for (int i = 0; i < shape.copies().size(); i++) {
            copied[shape.copies().get(i).argument()] = i;
        }
    }

    /** Takes up to so many records of the same pointer. The next record must be complete, and below the limit. */
    public void begin(long limit, int most) {
        first = ring.position();
        size = ring.takeRun(limit, most);
    }

    /** Lets the records not be read any more. */
    public void end() {
        size = 0;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public boolean getBoolean(int record, int parameter) {
        return Words.getByte(address(record, parameter, boolean.class)) != 0;
    }

    @Override
    public byte getByte(int record, int parameter) {
        return Words.getByte(address(record, parameter, byte.class));
    }

    @Override
    public short getShort(int record, int parameter) {
        return Words.getShort(address(record, parameter, short.class));
    }

    @Override
    public char getChar(int record, int parameter) {
        return (char) Words.getShort(address(record, parameter, char.class));
    }

    @Override
    public int getInt(int record, int parameter) {
        return Words.getInt(address(record, parameter, int.class));
    }

    @Override
    public long getLong(int record, int parameter) {
        return Words.get(address(record, parameter, long.class));
    }

    @Override
    public float getFloat(int record, int parameter) {
        return Float.intBitsToFloat(Words.getInt(address(record, parameter, float.class)));
    }

    @Override
    public double getDouble(int record, int parameter) {
        return Double.longBitsToDouble(Words.get(address(record, parameter, double.class)));
    }

    @Override
    public MemorySegment getSegment(int record, int parameter) {
        long pointer = address(record, parameter, MemorySegment.class);
        int copy = copied[parameter];
        return copy < 0
                ? MemorySegment.ofAddress(Words.get(pointer))
                : copies.at(
                        ring.record(first + record) + shape.data(copy),
                        RecordReader.more(shape.copies().get(copy)));
    }

    /** Returns how many calls have a copy with less than there was. */
    public int cut() {
        int calls = 0;
        for (int i = 0; i < size && !shape.copies().isEmpty(); i++) {
            calls += isCut(ring.record(first + i)) ? 1 : 0;
        }
        return calls;
    }

    private boolean isCut(long record) {
        for (int i = 0; i < shape.copies().size(); i++) {
            if (Copies.isCut(record + shape.data(i))) {
                return true;
            }
        }
        return false;
    }

    private long address(int record, int parameter, Class<?> carrier) {
        if (record < 0 || record >= size) {
            throw noSuchRecord(record);
        }
        if (carriers[Objects.checkIndex(parameter, carriers.length)] != carrier) {
            throw otherType(parameter, carrier);
        }
        return ring.record(first + record) + offsets[parameter];
    }

    private RuntimeException noSuchRecord(int record) {
        if (size == 0) {
            return new IllegalStateException("the batch of " + type
                    + " is over: read the records while the handler runs, and copy what is to be kept");
        }
        return new IndexOutOfBoundsException("record " + record + " of a batch of " + size + " of " + type);
    }

    private IllegalArgumentException otherType(int parameter, Class<?> carrier) {
        return new IllegalArgumentException("parameter " + parameter + " of " + type + " is "
                + carriers[parameter].getSimpleName() + ", and not " + carrier.getSimpleName() + ": use "
                + getter(carriers[parameter]));
    }

    private static String getter(Class<?> carrier) {
        String name = carrier == MemorySegment.class ? "segment" : carrier.getName();
        return "get" + Character.toUpperCase(name.charAt(0)) + name.substring(1);
    }

    @Override
    public String toString() {
        return "Records[" + type + ", " + size + ", " + List.of(carriers) + "]";
    }
}
