package reactor.ffi.internal.ring;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.StringJoiner;
import reactor.ffi.internal.ring.Shape.Kind;
import reactor.ffi.internal.ring.Shape.Result;

/** A random C function type, with an argument for each parameter, and the three constants that C is to get. */
record RandomCall(int number, List<Kind> kinds, List<Boolean> pointers, ResultType result, Results results) {

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
        return new RandomCall(number, kinds, pointers, result, results);
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
        return new Shape(kinds, result.shape);
    }

    /** The bits of an argument, in as many bytes as it has. */
    long argument(int i) {
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
        return "int64_t call_" + number + "(" + type + ") { volatile int64_t keep = " + number + "; "
                + (result == ResultType.VOID
                        ? "f(" + values + "); return keep; }"
                        : "union { " + result.c + " r; int64_t bits; } u; u.bits = 0; u.r = f(" + values
                                + "); return keep == " + number + " ? u.bits : -77; }");
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
        long bits = argument(i);
        return switch (kinds.get(i)) {
            case FLOAT -> "(float)" + Float.intBitsToFloat((int) bits);
            case DOUBLE -> Double.toString(Double.longBitsToDouble(bits));
            default -> "(" + c(i) + ")0x" + Long.toHexString(bits) + "ULL";
        };
    }

    @Override
    public String toString() {
        return "call " + number + ", " + result + " of " + kinds;
    }
}
