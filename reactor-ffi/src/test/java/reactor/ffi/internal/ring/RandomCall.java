package reactor.ffi.internal.ring;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.StringJoiner;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.ring.Shape.Copy;
import reactor.ffi.internal.ring.Shape.CopyKind;
import reactor.ffi.internal.ring.Shape.Kind;
import reactor.ffi.internal.ring.Shape.Result;

/** A random C function type, with an argument for each parameter, and the three constants that C is to get. Of some pointers is copied. */
record RandomCall(
        int number, List<Kind> kinds, List<Boolean> pointers, List<Copy> copies, ResultType result, Results results) {

    private static final int MOST_COPIED = 200;

    private static final int MOST_ARGUMENTS = 24;

    enum ResultType {
        VOID("void", Result.NONE),
        CHAR("int8_t", Result.INTEGER),
        INT("int32_t", Result.INTEGER),
        LONG("int64_t", Result.INTEGER),
        POINTER("void *", Result.INTEGER),
        FLOAT("float", Result.FLOATING),
        DOUBLE("double", Result.FLOATING);

        final String c;
        final Result shape;

        ResultType(String c, Result shape) {
            this.c = c;
            this.shape = shape;
        }
    }

    static List<RandomCall> many(int count, long seed) {
        Random random = new Random(seed);
        List<RandomCall> calls = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            calls.add(one(number, random));
        }
        return calls;
    }

    private static RandomCall one(int number, Random random) {
        List<Kind> kinds = new ArrayList<>();
        int count = random.nextInt(MOST_ARGUMENTS + 1);
        List<Boolean> pointers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Kind kind = any(Kind.values(), random);
            kinds.add(kind);
            pointers.add(kind == Kind.LONG && random.nextBoolean());
        }
        ResultType result = any(ResultType.values(), random);
        Results results = new Results(
                bits(result, random), random.nextInt(3) == 0 ? 0 : bits(result, random), bits(result, random));
        return new RandomCall(number, kinds, pointers, copies(kinds, pointers, random), result, results);
    }

    private static List<Copy> copies(List<Kind> kinds, List<Boolean> pointers, Random random) {
        List<Integer> numbers = IntStream.range(0, kinds.size())
                .filter(i -> !kinds.get(i).isFloating() && !pointers.get(i))
                .boxed()
                .toList();
        List<Copy> copies = new ArrayList<>();
        for (int i = 0; i < kinds.size(); i++) {
            CopyKind kind = any(CopyKind.values(), random);
            if (pointers.get(i) && random.nextBoolean() && (kind != CopyKind.BYTES || !numbers.isEmpty())) {
                int length = kind == CopyKind.BYTES ? numbers.get(random.nextInt(numbers.size())) : 0;
                copies.add(new Copy(kind, i, length, 1 + random.nextInt(MOST_COPIED)));
            }
        }
        return copies;
    }

    /** What a pointer leads to; null for NULL. A text ends with its NUL. */
    byte @Nullable [] pointee(Copy copy) {
        Random random = new Random(number * 131L + copy.argument());
        if (random.nextInt(5) == 0) {
            return null;
        }
        boolean text = copy.kind() == CopyKind.TEXT;
        byte[] bytes = new byte[text ? random.nextInt(2 * copy.most() + 2) + 1 : copy.most()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (1 + random.nextInt(255));
        }
        if (text) {
            bytes[bytes.length - 1] = 0;
        }
        return bytes;
    }

    /** How many bytes C says that there are. */
    private long length(Copy copy, byte[] pointee) {
        return switch (copy.kind()) {
            case TEXT -> pointee.length - 1L;
            case BYTES -> argument(copy.length());
            case STRUCT -> copy.most();
        };
    }

    int copiedLength(Copy copy) {
        byte[] pointee = pointee(copy);
        return pointee == null ? -1 : isCut(copy) ? copy.most() : (int) length(copy, pointee);
    }

    boolean isCut(Copy copy) {
        byte[] pointee = pointee(copy);
        return pointee != null && Long.compareUnsigned(length(copy, pointee), copy.most()) > 0;
    }

    /** The bytes that are to lie in the record, with a NUL behind a text. */
    byte[] copied(Copy copy) {
        byte[] pointee = pointee(copy);
        if (pointee == null) {
            return new byte[0];
        }
        byte[] bytes = Arrays.copyOf(pointee, copiedLength(copy) + (copy.kind() == CopyKind.TEXT ? 1 : 0));
        if (copy.kind() == CopyKind.TEXT) {
            bytes[bytes.length - 1] = 0;
        }
        return bytes;
    }

    /** Whether an argument is an address that only C knows. */
    boolean isAddress(int argument) {
        return copies.stream().anyMatch(copy -> copy.argument() == argument && pointee(copy) != null);
    }

    private static <T> T any(T[] values, Random random) {
        return values[random.nextInt(values.length)];
    }

    private static long bits(ResultType result, Random random) {
        return switch (result) {
            case VOID -> 0;
            case CHAR -> (byte) random.nextInt();
            case INT -> random.nextInt();
            case LONG, POINTER -> random.nextLong();
            case FLOAT -> Float.floatToRawIntBits(random.nextInt() * 0.5f);
            case DOUBLE -> Double.doubleToRawLongBits(random.nextInt() * 0.25);
        };
    }

    Shape shape() {
        return new Shape(kinds, result.shape, copies);
    }

    /** The bits of an argument, in as many bytes as it has. */
    long argument(int i) {
        if (copies.stream().anyMatch(copy -> copy.argument() == i)) {
            return 0; // NULL, or an address that only C knows
        }
        long bits = (number * 7919L + i * 104729L + 1) * 0x9E3779B97F4A7C15L;
        return switch (kinds.get(i)) {
            case BYTE -> bits & 0xFF;
            case SHORT -> bits & 0xFFFF;
            case INT -> bits & 0xFFFF_FFFFL;
            case LONG -> bits;
            case FLOAT -> Float.floatToRawIntBits((int) bits * 0.5f) & 0xFFFF_FFFFL;
            case DOUBLE -> Double.doubleToRawLongBits((int) bits * 0.25);
        };
    }

    /** What the union of the C function shows of a result. */
    long seen(long result) {
        return switch (this.result) {
            case VOID -> number;
            case CHAR -> result & 0xFF;
            case INT, FLOAT -> result & 0xFFFF_FFFFL;
            case LONG, POINTER, DOUBLE -> result;
        };
    }

    /** {@code (*f)(int32_t, double)}, and with it a call of f with the arguments. */
    String c() {
        StringJoiner types = new StringJoiner(", ");
        StringJoiner values = new StringJoiner(", ");
        for (int i = 0; i < kinds.size(); i++) {
            types.add(c(i));
            values.add(value(i));
        }
        String type = result.c + " (*f)(" + (kinds.isEmpty() ? "void" : types) + ")";
        StringBuilder data = new StringBuilder();
        for (Copy copy : copies) {
            byte[] pointee = pointee(copy);
            if (pointee != null) {
                data.append("static const unsigned char data_" + number + "_" + copy.argument() + "[] = "
                        + initializer(pointee) + "; ");
            }
        }
        return data + "int64_t call_" + number + "(" + type + ") { volatile int64_t keep = " + number + "; "
                + (result == ResultType.VOID
                        ? "f(" + values + "); return keep; }"
                        : "union { " + result.c + " r; int64_t bits; } u; u.bits = 0; u.r = f(" + values
                                + "); return keep == " + number + " ? u.bits : -77; }");
    }

    static String initializer(byte[] bytes) {
        StringJoiner values = new StringJoiner(",", "{", "}");
        for (byte value : bytes) {
            values.add(Integer.toString(value & 0xFF));
        }
        return values.toString();
    }

    private String c(int i) {
        return switch (kinds.get(i)) {
            case BYTE -> number % 2 == 0 ? "int8_t" : "uint8_t";
            case SHORT -> number % 2 == 0 ? "int16_t" : "uint16_t";
            case INT -> "int32_t";
            case LONG -> pointers.get(i) ? "void *" : "int64_t";
            case FLOAT -> "float";
            case DOUBLE -> "double";
        };
    }

    private String value(int i) {
        if (isAddress(i)) {
            return "(void *)data_" + number + "_" + i;
        }
        long bits = argument(i);
        return switch (kinds.get(i)) {
            case FLOAT -> "(float)" + Float.intBitsToFloat((int) bits);
            case DOUBLE -> Double.toString(Double.longBitsToDouble(bits));
            default -> "(" + c(i) + ")0x" + Long.toHexString(bits) + "ULL";
        };
    }

    @Override
    public String toString() {
        return "call " + number + ", " + result + " of " + kinds + ", " + copies;
    }
}
