package reactor.ffi.generated;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A C type, and its values: a boxed primitive, the address of a pointer as a {@code Long}, and for a struct the list of its
 * fields' values.
 */
public sealed interface CType {

    /** Returns any type: one in four is a struct of 1 to 4 fields, and structs are nested up to {@code depth} deep. */
    static CType any(SplittableRandom random, int depth) {
        if (depth == 0 || random.nextInt(4) > 0) {
            return Scalar.values()[random.nextInt(Scalar.values().length)];
        }
        return new Struct(IntStream.range(0, 1 + random.nextInt(4))
                .mapToObj(i -> any(random, depth - 1))
                .toList());
    }

    /** Returns the lists with one type less. */
    static List<List<CType>> without(List<CType> types) {
        List<List<CType>> shorter = new ArrayList<>();
        for (int i = 0; i < types.size(); i++) {
            List<CType> rest = new ArrayList<>(types);
            rest.remove(i);
            shorter.add(rest);
        }
        return shorter;
    }

    /** Returns the lists in which one type is a simpler one. */
    static List<List<CType>> withOneSimpler(List<CType> types) {
        List<List<CType>> lists = new ArrayList<>();
        for (int i = 0; i < types.size(); i++) {
            for (CType simpler : types.get(i).simpler()) {
                List<CType> changed = new ArrayList<>(types);
                changed.set(i, simpler);
                lists.add(changed);
            }
        }
        return lists;
    }

    /** Returns what a struct is without one of its parts, the simplest types first. */
    List<CType> simpler();

    MemoryLayout layout();

    /** In Java's source. */
    String inJava();

    /** In C's source, where a struct has a name. */
    String inC();

    /** Any value; pointers are NULL, or those of {@link Cells}. */
    Object random(Random random, Cells cells);

    /** What C has when all bits are zero. */
    Object zero();

    void write(MemorySegment memory, long offset, Object value);

    Object read(MemorySegment memory, long offset);

    /** What Java passes for it. */
    Object toJava(Object value, SegmentAllocator allocator);

    /** The value of what Java is passed. */
    Object ofJava(Object argument);

    /** What is not a struct. */
    @SuppressWarnings("ImmutableEnumChecker") // layouts are, and nobody writes to the array
    enum Scalar implements CType {
        BOOL("boolean", "_Bool", ValueLayout.JAVA_BOOLEAN, false, true, false),
        BYTE("byte", "int8_t", ValueLayout.JAVA_BYTE, (byte) 0, Byte.MIN_VALUE, Byte.MAX_VALUE),
        SHORT("short", "int16_t", ValueLayout.JAVA_SHORT, (short) 0, Short.MIN_VALUE, Short.MAX_VALUE),
        CHAR("char", "uint16_t", ValueLayout.JAVA_CHAR, '\0', 'x', Character.MAX_VALUE),
        INT("int", "int32_t", ValueLayout.JAVA_INT, 0, Integer.MIN_VALUE, Integer.MAX_VALUE),
        LONG("long", "int64_t", ValueLayout.JAVA_LONG, 0L, Long.MIN_VALUE, Long.MAX_VALUE),
        FLOAT("float", "float", ValueLayout.JAVA_FLOAT, 0f, -0f, Float.NaN),
        DOUBLE("double", "double", ValueLayout.JAVA_DOUBLE, 0d, Double.NEGATIVE_INFINITY, Double.MIN_VALUE),
        POINTER("java.lang.foreign.MemorySegment", "void *", ValueLayout.ADDRESS, 0L, 0L, 0L);

        private final String inJava;
        private final String inC;
        private final ValueLayout layout;
        private final Object[] corners;

        Scalar(String inJava, String inC, ValueLayout layout, Object... corners) {
            this.inJava = inJava;
            this.inC = inC;
            this.layout = layout;
            this.corners = corners;
        }

        @Override
        public MemoryLayout layout() {
            return layout;
        }

        @Override
        public String inJava() {
            return inJava;
        }

        @Override
        public String inC() {
            return inC;
        }

        @Override
        public List<CType> simpler() {
            return List.of();
        }

        @Override
        public Object random(Random random, Cells cells) {
            if (random.nextInt(4) == 0) {
                return corners[random.nextInt(corners.length)];
            }
            return switch (this) {
                case BOOL -> random.nextBoolean();
                case BYTE -> (byte) random.nextInt();
                case SHORT -> (short) random.nextInt();
                case CHAR -> (char) random.nextInt();
                case INT -> random.nextInt();
                case LONG -> random.nextLong();
                case FLOAT -> random.nextFloat() * 1e9f;
                case DOUBLE -> random.nextGaussian() * 1e99;
                case POINTER -> cells.any(random);
            };
        }

        @Override
        public Object zero() {
            return corners[0];
        }

        @Override
        public void write(MemorySegment memory, long offset, Object value) {
            switch (this) {
                case BOOL -> memory.set(ValueLayout.JAVA_BOOLEAN, offset, (Boolean) value);
                case BYTE -> memory.set(ValueLayout.JAVA_BYTE, offset, (Byte) value);
                case SHORT -> memory.set(ValueLayout.JAVA_SHORT, offset, (Short) value);
                case CHAR -> memory.set(ValueLayout.JAVA_CHAR, offset, (Character) value);
                case INT -> memory.set(ValueLayout.JAVA_INT, offset, (Integer) value);
                case LONG, POINTER -> memory.set(ValueLayout.JAVA_LONG, offset, (Long) value);
                case FLOAT -> memory.set(ValueLayout.JAVA_FLOAT, offset, (Float) value);
                case DOUBLE -> memory.set(ValueLayout.JAVA_DOUBLE, offset, (Double) value);
            }
        }

        @Override
        public Object read(MemorySegment memory, long offset) {
            return switch (this) {
                case BOOL -> memory.get(ValueLayout.JAVA_BOOLEAN, offset);
                case BYTE -> memory.get(ValueLayout.JAVA_BYTE, offset);
                case SHORT -> memory.get(ValueLayout.JAVA_SHORT, offset);
                case CHAR -> memory.get(ValueLayout.JAVA_CHAR, offset);
                case INT -> memory.get(ValueLayout.JAVA_INT, offset);
                case LONG -> memory.get(ValueLayout.JAVA_LONG, offset);
                case FLOAT -> memory.get(ValueLayout.JAVA_FLOAT, offset);
                case DOUBLE -> memory.get(ValueLayout.JAVA_DOUBLE, offset);
                case POINTER -> Cells.checked(reactor.ffi.NativeMemory.at(memory, offset, Long.BYTES));
            };
        }

        @Override
        public Object toJava(Object value, SegmentAllocator allocator) {
            return this == POINTER ? MemorySegment.ofAddress((Long) value) : value;
        }

        @Override
        public Object ofJava(Object argument) {
            return this == POINTER ? Cells.checked((MemorySegment) argument) : argument;
        }

        @Override
        public String toString() {
            return inC;
        }
    }

    /** A struct by value. Its name in C is that of its fields, so that equal ones are one. */
    record Struct(List<CType> fields) implements CType {

        @Override
        public List<CType> simpler() {
            List<CType> simpler = new ArrayList<>(fields);
            if (fields.size() > 1) {
                without(fields).forEach(fewer -> simpler.add(new Struct(fewer)));
            }
            withOneSimpler(fields).forEach(same -> simpler.add(new Struct(same)));
            return simpler;
        }

        @Override
        public StructLayout layout() {
            List<MemoryLayout> parts = new ArrayList<>();
            long size = 0;
            long alignment = 1;
            for (CType field : fields) {
                MemoryLayout part = field.layout();
                size = pad(parts, size, part.byteAlignment()) + part.byteSize();
                parts.add(part);
                alignment = Math.max(alignment, part.byteAlignment());
            }
            long _ = pad(parts, size, alignment);
            return MemoryLayout.structLayout(parts.toArray(MemoryLayout[]::new));
        }

        private static long pad(List<MemoryLayout> parts, long size, long alignment) {
            long padding = Math.floorMod(-size, alignment);
            if (padding > 0) {
                parts.add(MemoryLayout.paddingLayout(padding));
            }
            return size + padding;
        }

        private long[] offsets() {
            long[] offsets = new long[fields.size()];
            long size = 0;
            for (int i = 0; i < offsets.length; i++) {
                MemoryLayout part = fields.get(i).layout();
                offsets[i] = size + Math.floorMod(-size, part.byteAlignment());
                size = offsets[i] + part.byteSize();
            }
            return offsets;
        }

        @Override
        public String inJava() {
            return "java.lang.foreign.MemorySegment";
        }

        @Override
        public String inC() {
            return "struct " + name();
        }

        private String name() {
            return fields.stream()
                    .map(field -> field instanceof Struct struct ? struct.name() : ((Scalar) field).name())
                    .collect(Collectors.joining("_", "s" + fields.size() + "_", ""));
        }

        /** Its fields are f0, f1 and so on. */
        String definition() {
            StringBuilder c = new StringBuilder(inC() + " {");
            for (int i = 0; i < fields.size(); i++) {
                c.append(' ').append(fields.get(i).inC()).append(" f").append(i).append(';');
            }
            return c + " };\n";
        }

        @Override
        public Object random(Random random, Cells cells) {
            return fields.stream().map(field -> field.random(random, cells)).toList();
        }

        @Override
        public Object zero() {
            return fields.stream().map(CType::zero).toList();
        }

        @Override
        public void write(MemorySegment memory, long offset, Object value) {
            long[] offsets = offsets();
            for (int i = 0; i < offsets.length; i++) {
                fields.get(i).write(memory, offset + offsets[i], ((List<?>) value).get(i));
            }
        }

        @Override
        public Object read(MemorySegment memory, long offset) {
            long[] offsets = offsets();
            List<Object> values = new ArrayList<>();
            for (int i = 0; i < offsets.length; i++) {
                values.add(fields.get(i).read(memory, offset + offsets[i]));
            }
            return values;
        }

        @Override
        public Object toJava(Object value, SegmentAllocator allocator) {
            MemorySegment memory = allocator.allocate(layout());
            write(memory, 0, value);
            return memory;
        }

        @Override
        public Object ofJava(Object argument) {
            return read((MemorySegment) argument, 0);
        }

        @Override
        public String toString() {
            return fields.stream().map(Object::toString).collect(Collectors.joining("; ", "struct {", "}"));
        }
    }

    /** What pointers point to: cells that hold a number which follows from their address, so that it can be checked. */
    final class Cells {

        private static final long MIX = 0x9E3779B97F4A7C15L;
        private final MemorySegment memory;

        public Cells(SegmentAllocator allocator) {
            memory = allocator.allocate(ValueLayout.JAVA_LONG, 16);
            for (int i = 0; i < 16; i++) {
                memory.setAtIndex(ValueLayout.JAVA_LONG, i, MIX * (memory.address() + 8L * i));
            }
        }

        private Object any(Random random) {
            return memory.address() + 8L * random.nextInt(16);
        }

        /** The address, once it has led to what is there. What is NULL, or of length zero, leads nowhere. */
        private static Object checked(MemorySegment pointer) {
            if (pointer.byteSize() > 0) {
                long cell = pointer.get(ValueLayout.JAVA_LONG, 0);
                if (cell != MIX * pointer.address()) {
                    throw new AssertionError(pointer + " leads to " + cell);
                }
            }
            return pointer.address();
        }
    }
}
