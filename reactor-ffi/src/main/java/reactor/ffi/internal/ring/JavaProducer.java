package reactor.ffi.internal.ring;

import static java.lang.invoke.MethodType.methodType;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.VarHandle;

/**
 * The producer's end of a ring, in Java: what an upcall runs where there is no machine code. The machine code does the same, in the same
 * order:
 *
 * <ol>
 *   <li>It claims the next record, by adding one to the tail, if that is less than the capacity ahead of the head. The compare is
 *       signed: a producer that was held up may know a tail that lies behind the head by now. It seems to have room, and fails at
 *       the compare-and-set.
 *   <li>It writes the arguments and which pointer was called into the record, and then the sequence number.
 *   <li>If it finds the ring idle, it rings. Here that is the loop's own signal.
 *   <li>If there is no room, it counts the call as full, or as late where the capacity is zero, which is how a ring is closed. A ring
 *       of {@code Overflow.error} it closes itself, so that nothing follows a gap.
 *   <li>In a ring of {@code Overflow.block} it waits for room first, see {@link Room}: not on the consumer's own thread, and not beyond
 *       the limit. There it does as with {@code Overflow.error}.
 * </ol>
 */
public final class JavaProducer {

    private static final long REFUSED = 0;

    private static final MethodHandles.Lookup LOOKUP = MethodHandles.lookup();
    private static final MethodHandle CLAIM = find("claim", methodType(long.class, Object.class));
    private static final MethodHandle IS_TAKEN = find("isTaken", methodType(boolean.class, long.class));
    private static final MethodHandle RECORD = find("record", methodType(long.class, Object.class, long.class));
    private static final MethodHandle COMPLETE = find("complete", methodType(long.class, Object.class, long.class));
    private static final MethodHandle COPY =
            find("copy", methodType(void.class, Shape.class, Object.class, long.class));
    private static final MethodHandle REFUSE = find("refuse", methodType(long.class, Object.class, long.class));

    private final Ring ring;
    private final long address;
    private final long info;
    private final Results results;
    private final CallCounts counts;

    /**
     * The producer of one pointer.
     *
     * @param info what each of its records carries
     * @param results what C gets
     * @param counts who counts the calls that are not taken
     */
    public JavaProducer(Ring ring, long info, Results results, CallCounts counts) {
        this.ring = ring;
        this.address = ring.address();
        this.info = info;
        this.results = results;
        this.counts = counts;
    }

    /**
     * The handle of type {@code (Object producer, arguments...)result} that an upcall invokes.
     *
     * @param type a pointer is a number in it
     */
    public static MethodHandle entry(Shape shape, FunctionDescriptor type) {
        // (producer, sequence, arguments...)result: what is done with a call, once it is claimed or refused
        MethodType call = type.toMethodType().insertParameterTypes(0, Object.class, long.class);
        MethodHandle taken = MethodHandles.dropArguments(
                answer(COMPLETE, call.returnType()), 2, type.toMethodType().parameterList());
        if (!shape.copies().isEmpty()) { // after the arguments are written
            taken = MethodHandles.foldArguments(taken, MethodHandles.insertArguments(COPY, 0, shape));
        }
        for (int i = 0; i < shape.arguments().size(); i++) {
            taken = MethodHandles.foldArguments(
                    taken, writer(call, i, type.argumentLayouts().get(i), shape.offset(i)));
        }
        MethodHandle refused = MethodHandles.dropArguments(
                answer(REFUSE, call.returnType()), 2, type.toMethodType().parameterList());
        MethodHandle isTaken = MethodHandles.dropArguments(IS_TAKEN, 0, Object.class);
        MethodHandle either = MethodHandles.guardWithTest(isTaken, taken, refused);
        MethodHandle sequenceFirst = MethodHandles.permuteArguments(
                either, call.dropParameterTypes(0, 2).insertParameterTypes(0, long.class, Object.class), order(call));
        return MethodHandles.foldArguments(sequenceFirst, CLAIM);
    }

    /** The first two change places. */
    private static int[] order(MethodType call) {
        int[] order = new int[call.parameterCount()];
        for (int i = 0; i < order.length; i++) {
            order[i] = i;
        }
        order[0] = 1;
        order[1] = 0;
        return order;
    }

    /** {@code (producer, sequence, arguments...)void}: writes one argument. */
    private static MethodHandle writer(MethodType call, int argument, MemoryLayout layout, int offset) {
        MethodHandle set = layout.varHandle().toMethodHandle(VarHandle.AccessMode.SET);
        MethodHandle write = MethodHandles.collectArguments(set.bindTo(Words.MEMORY), 0, at(offset));
        return MethodHandles.permuteArguments(write, call.changeReturnType(void.class), 0, 1, 2 + argument);
    }

    /** {@code (producer, sequence)address} */
    private static MethodHandle at(int offset) {
        MethodHandle plus = MethodHandles.insertArguments(
                find("plus", methodType(long.class, long.class, long.class)), 1, (long) offset);
        return MethodHandles.filterReturnValue(RECORD, plus);
    }

    private static MethodHandle answer(MethodHandle bits, Class<?> result) {
        if (result == float.class) {
            return MethodHandles.filterReturnValue(bits, find("toFloat", methodType(float.class, long.class)));
        }
        if (result == double.class) {
            return MethodHandles.filterReturnValue(bits, find("toDouble", methodType(double.class, long.class)));
        }
        return MethodHandles.explicitCastArguments(bits, bits.type().changeReturnType(result));
    }

    @SuppressWarnings("UnusedMethod") // called by a handle of find
    private static long claim(Object producer) {
        JavaProducer self = (JavaProducer) producer;
        long sequence = self.claim();
        boolean waits = sequence == REFUSED && self.ring.size.whenFull() == WhenFull.WAIT && !self.isClosed();
        return waits ? self.ring.awaitRoom(self::claim) : sequence;
    }

    private boolean isClosed() {
        return Words.getVolatile(address + RingLayout.CAPACITY) == 0;
    }

    private long claim() {
        while (true) {
            long tail = Words.getVolatile(address + RingLayout.TAIL);
            if (tail - Words.getVolatile(address + RingLayout.HEAD)
                    >= Words.getVolatile(address + RingLayout.CAPACITY)) {
                return REFUSED;
            }
            if (Words.compareAndSet(address + RingLayout.TAIL, tail, tail + 1)) {
                return tail + 1;
            }
        }
    }

    @SuppressWarnings("UnusedMethod") // called by a handle of find
    private static boolean isTaken(long sequence) {
        return sequence != REFUSED;
    }

    @SuppressWarnings("UnusedMethod") // called by a handle of find
    private static long record(Object producer, long sequence) {
        return ((JavaProducer) producer).ring.record(sequence - 1);
    }

    @SuppressWarnings("UnusedMethod") // called by a handle of find
    private static void copy(Shape shape, Object producer, long sequence) {
        long record = ((JavaProducer) producer).ring.record(sequence - 1);
        for (int i = 0; i < shape.copies().size(); i++) {
            Shape.Copy copy = shape.copies().get(i);
            long data = record + shape.data(i);
            long source = Words.get(record + shape.offset(copy.argument()));
            long length = source == 0 ? Copies.OF_NULL : length(shape, copy, record, source);
            if (length > 0) {
                MemorySegment.copy(Words.MEMORY, source, Words.MEMORY, data, Math.min(length, copy.most()));
            }
            Words.setInt(data + Copies.LENGTH, (int) Math.min(length, copy.most()));
            Words.setInt(data + Copies.CUT, length > copy.most() ? 1 : 0);
            if (copy.kind() == Shape.CopyKind.TEXT && length >= 0) {
                Words.MEMORY.set(ValueLayout.JAVA_BYTE, data + Math.min(length, copy.most()), (byte) 0);
            }
        }
    }

    /** How many bytes there are; one more than are copied stands for all that are too long. */
    private static long length(Shape shape, Shape.Copy copy, long record, long source) {
        long tooLong = copy.most() + 1L;
        return switch (copy.kind()) {
            case STRUCT -> copy.most();
            case BYTES -> {
                long at = record + shape.offset(copy.length());
                long length = switch (shape.arguments().get(copy.length()).bytes) {
                    case 1 -> Byte.toUnsignedLong(Words.MEMORY.get(ValueLayout.JAVA_BYTE, at));
                    case 2 -> Short.toUnsignedLong(Words.MEMORY.get(ValueLayout.JAVA_SHORT, at));
                    case 4 -> Integer.toUnsignedLong(Words.getInt(at));
                    default -> Words.get(at);
                };
                yield Long.compareUnsigned(length, tooLong) > 0 ? tooLong : length;
            }
            case TEXT -> {
                long length = 0;
                while (length < tooLong && Words.MEMORY.get(ValueLayout.JAVA_BYTE, source + length) != 0) {
                    length++;
                }
                yield length;
            }
        };
    }

    @SuppressWarnings("UnusedMethod") // called by a handle of find
    private static long complete(Object producer, long sequence) {
        JavaProducer self = (JavaProducer) producer;
        long record = self.ring.record(sequence - 1);
        Words.set(record + RingLayout.RECORD_INFO, self.info);
        Words.setRelease(record + RingLayout.SEQUENCE, sequence);
        self.ring.signal();
        return self.results.taken();
    }

    @SuppressWarnings({"UnusedMethod", "UnusedVariable"})
    private static long refuse(Object producer, long refused) {
        JavaProducer self = (JavaProducer) producer;
        if (self.isClosed()) {
            self.counts.notTaken(0, 1);
            return self.results.late();
        }
        self.counts.notTaken(1, 0);
        if (self.ring.size.whenFull() != WhenFull.DROP) {
            self.ring.overflow();
        }
        return self.results.full();
    }

    @SuppressWarnings("UnusedMethod") // called by a handle of find
    private static long plus(long address, long offset) {
        return address + offset;
    }

    @SuppressWarnings("UnusedMethod") // called by a handle of find
    private static float toFloat(long bits) {
        return Float.intBitsToFloat((int) bits);
    }

    @SuppressWarnings("UnusedMethod") // called by a handle of find
    private static double toDouble(long bits) {
        return Double.longBitsToDouble(bits);
    }

    private static MethodHandle find(String name, MethodType type) {
        try {
            return LOOKUP.findStatic(JavaProducer.class, name, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
