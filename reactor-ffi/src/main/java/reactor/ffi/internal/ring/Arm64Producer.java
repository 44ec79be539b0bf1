package reactor.ffi.internal.ring;

import static reactor.ffi.internal.ring.Arm64Assembler.GREATER_OR_EQUAL_SIGNED;
import static reactor.ffi.internal.ring.Arm64Assembler.NOT_EQUAL;
import static reactor.ffi.internal.ring.Arm64Assembler.SP;
import static reactor.ffi.internal.ring.Arm64Assembler.ZERO;

import reactor.ffi.internal.ring.Arm64Assembler.Label;

/**
 * What a listener's pointer runs on aarch64, by the procedure call standard of Linux. It does what {@link JavaProducer} does,
 * instruction by instruction.
 *
 * <p>A leaf without a frame. Arguments lie in x0 to x7, in v0 to v7 and on the stack; the code itself uses x9 to x17, which a
 * called function may change. Memory is weakly ordered here: each acquire, release and fence is written out. Between an
 * exclusive load and its store there is no other access to memory, as that could make the store fail for ever.
 */
final class Arm64Producer {

    private static final int REGISTERS = 8;
    private static final int CELL = 16;
    private static final int RING = 17;

    /** The address of the constant that C gets. A system call keeps it, and all registers but x0. */
    private static final int ANSWER = 9;

    private static final int RECORD = 10;
    private static final int SEQUENCE = 11;

    private static final int FUTEX = 98;
    private static final int FUTEX_WAKE_PRIVATE = 129;

    private final Arm64Assembler asm = new Arm64Assembler();
    private final Shape shape;

    private Arm64Producer(Shape shape) {
        this.shape = shape;
    }

    /**
     * Code that expects the address of a cell in x16, and everything else as C has left it. It may lie anywhere.
     *
     * @param hasSwap whether the processor has the Large System Extensions
     */
    static byte[] body(Shape shape, boolean hasSwap) {
        return new Arm64Producer(shape).emit(hasSwap);
    }

    /**
     * A pointer's own code: takes the address of its cell, and goes on in the body.
     *
     * @param cell where the cell lies, in bytes from the begin of this code
     * @param body where the body lies
     */
    static byte[] thunk(int cell, int body) {
        Arm64Assembler asm = new Arm64Assembler();
        asm.landingPad();
        asm.addressFromHere(CELL, cell - 4);
        asm.branchFar(body - 8);
        return asm.bytes();
    }

    private byte[] emit(boolean hasSwap) {
        Label refused = new Label();
        Label late = new Label();
        Label signal = new Label();
        Label answer = new Label();
        Label ring = new Label();

        asm.load(8, RING, CELL, RingLayout.RING);
        claim(hasSwap, refused);

        asm.load(8, RECORD, RING, RingLayout.MASK);
        asm.and(RECORD, 9, RECORD);
        asm.load(8, 12, RING, RingLayout.STRIDE);
        asm.multiplyAdd(RECORD, RECORD, 12, RING);
        asm.add(RECORD, RECORD, RingLayout.RECORDS);
        copyArguments();
        asm.load(8, 12, CELL, RingLayout.INFO);
        asm.store(8, 12, RECORD, RingLayout.RECORD_INFO);
        asm.storeRelease(SEQUENCE, RECORD); // complete
        asm.add(ANSWER, CELL, RingLayout.TAKEN);

        asm.bind(signal);
        asm.load(4, 12, RING, RingLayout.STATE);
        asm.branchIfZeroInt(12, ring); // IDLE
        asm.bind(answer);
        switch (shape.result()) {
            case NONE -> {}
            case INTEGER -> asm.load(8, 0, ANSWER, 0);
            case FLOATING -> asm.loadDouble(0, ANSWER);
        }
        asm.ret();

        asm.bind(refused);
        asm.load(8, 10, RING, RingLayout.CAPACITY);
        asm.branchIfZero(10, late);
        increment(RingLayout.FULL_CALLS);
        asm.add(ANSWER, CELL, RingLayout.FULL);
        asm.load(4, 10, RING, RingLayout.CLOSES_WHEN_FULL);
        asm.branchIfZeroInt(10, answer);
        asm.store(8, ZERO, RING, RingLayout.CAPACITY);
        asm.fence();
        asm.branch(signal);

        asm.bind(late);
        increment(RingLayout.LATE_CALLS);
        asm.add(ANSWER, CELL, RingLayout.LATE);
        asm.branch(answer);

        asm.bind(ring);
        ringBell(answer);
        return asm.bytes();
    }

    /** Leaves the number of the record in x9, and its sequence number in x11. */
    private void claim(boolean hasSwap, Label refused) {
        Label again = new Label();
        asm.bind(again);
        asm.load(8, 9, RING, RingLayout.TAIL);
        asm.add(10, RING, RingLayout.HEAD);
        asm.loadAcquire(10, 10);
        asm.load(8, 12, RING, RingLayout.CAPACITY);
        asm.subtract(10, 9, 10);
        asm.compare(10, 12);
        asm.branchIf(GREATER_OR_EQUAL_SIGNED, refused);
        asm.add(SEQUENCE, 9, 1);
        if (hasSwap) {
            asm.move(12, 9);
            asm.compareAndSwap(12, SEQUENCE, RING); // the tail lies at the begin of the ring
            asm.compare(12, 9);
            asm.branchIf(NOT_EQUAL, again);
        } else {
            compareAndSet(9, SEQUENCE, RING, again);
        }
        asm.fence(); // the claim before the look at the state
    }

    private void copyArguments() {
        int integers = 0;
        int floatings = 0;
        int onStack = 0; // eight bytes each
        for (int i = 0; i < shape.arguments().size(); i++) {
            Shape.Kind kind = shape.arguments().get(i);
            if (kind.isFloating() && floatings < REGISTERS) {
                asm.storeFloating(kind.bytes, floatings++, RECORD, shape.offset(i));
            } else if (!kind.isFloating() && integers < REGISTERS) {
                asm.store(kind.bytes, integers++, RECORD, shape.offset(i));
            } else {
                asm.load(8, 12, SP, onStack);
                asm.store(kind.bytes, 12, RECORD, shape.offset(i));
                onStack += 8;
            }
        }
    }

    /** Stores a value of 8 bytes where the expected one lies, or branches. */
    private void compareAndSet(int expected, int value, int base, Label otherwise) {
        Label exclusive = new Label();
        asm.bind(exclusive);
        asm.loadExclusive(8, 12, base);
        asm.compare(12, expected);
        asm.branchIf(NOT_EQUAL, otherwise);
        asm.storeExclusive(8, 13, value, base);
        asm.branchIfNotZeroInt(13, exclusive);
    }

    /** Adds one to a counter of the cell. */
    private void increment(int counter) {
        Label exclusive = new Label();
        asm.add(10, CELL, counter);
        asm.bind(exclusive);
        asm.loadExclusive(8, 12, 10);
        asm.add(12, 12, 1);
        asm.storeExclusive(8, 13, 12, 10);
        asm.branchIfNotZeroInt(13, exclusive);
    }

    /** The one producer that finds the ring idle. */
    private void ringBell(Label answer) {
        Label mark = new Label();
        asm.add(10, RING, RingLayout.STATE);
        asm.moveConstant(14, RingLayout.RUNG);
        asm.bind(mark);
        asm.loadExclusive(4, 12, 10);
        asm.branchIfNotZeroInt(12, answer);
        asm.storeExclusive(4, 13, 14, 10);
        asm.branchIfNotZeroInt(13, mark);

        Label push = new Label();
        asm.load(8, 10, RING, RingLayout.BELL);
        asm.add(11, 10, RingLayout.TOP);
        asm.bind(push);
        asm.load(8, 14, 11, 0);
        asm.store(8, 14, RING, RingLayout.NEXT);
        compareAndSet(14, RING, 11, push);
        asm.fence();

        Label wake = new Label();
        asm.bind(wake);
        asm.loadExclusive(4, 12, 10); // the sleep lies at the begin of the bell
        asm.branchIfZeroInt(12, answer); // AWAKE
        asm.storeExclusive(4, 13, ZERO, 10);
        asm.branchIfNotZeroInt(13, wake);
        asm.move(0, 10);
        asm.moveConstant(1, FUTEX_WAKE_PRIVATE);
        asm.moveConstant(2, 1);
        asm.moveConstant(8, FUTEX);
        asm.systemCall();
        asm.branch(answer);
    }
}
