package reactor.ffi.internal.ring;

import static reactor.ffi.internal.ring.Arm64Assembler.EQUAL;
import static reactor.ffi.internal.ring.Arm64Assembler.GREATER_OR_EQUAL_SIGNED;
import static reactor.ffi.internal.ring.Arm64Assembler.LESS_SIGNED;
import static reactor.ffi.internal.ring.Arm64Assembler.LOWER_OR_SAME;
import static reactor.ffi.internal.ring.Arm64Assembler.NOT_EQUAL;
import static reactor.ffi.internal.ring.Arm64Assembler.SP;
import static reactor.ffi.internal.ring.Arm64Assembler.ZERO;

import reactor.ffi.internal.ring.Arm64Assembler.Label;

/**
 * What a listener's pointer runs on aarch64, by the procedure call standard of Linux. It does what {@link JavaProducer} does,
 * instruction by instruction.
 *
 * <p>A leaf, without a frame unless it waits for room. Arguments lie in x0 to x7, in v0 to v7 and on the stack; the code itself uses x9 to x17, which a
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

    /** Of a copy: whether it is cut, how many bytes it has, and where they lie. */
    private static final int CUT = 4;

    private static final int LENGTH = 5;
    private static final int DATA = 6;

    /** What a system call takes, of the arguments: a producer that waits for room keeps them on the stack, then its limit. */
    private static final int SPILLED = 6;

    private static final int SECONDS = SPILLED * 8;
    private static final int NANOS = SECONDS + 8;
    private static final int FRAME = NANOS + 8;

    private static final int SYSTEM_CALL = 8;
    private static final int GETTID = 178;
    private static final int FUTEX = 98;
    private static final int CLOCK_GETTIME = 113;
    private static final int CLOCK_MONOTONIC = 1;
    private static final int FUTEX_WAKE_PRIVATE = 129;

    /** Takes a time, by the clock above, where FUTEX_WAIT takes a duration, which would begin anew after each signal. */
    private static final int FUTEX_WAIT_BITSET_PRIVATE = 137;

    private static final int EAGAIN = 11;
    private static final int EINTR = 4;

    private final Arm64Assembler asm = new Arm64Assembler();
    private final Shape shape;
    private final boolean hasSwap;

    private Arm64Producer(Shape shape, boolean hasSwap) {
        this.shape = shape;
        this.hasSwap = hasSwap;
    }

    /**
     * Code that expects the address of a cell in x16, and everything else as C has left it. It may lie anywhere.
     *
     * @param hasSwap whether the processor has the Large System Extensions
     */
    static byte[] body(Shape shape, boolean hasSwap) {
        return new Arm64Producer(shape, hasSwap).emit();
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

    private byte[] emit() {
        Label claimed = new Label();
        Label refused = new Label();
        Label wait = new Label();
        Label full = new Label();
        Label late = new Label();
        Label signal = new Label();
        Label answer = new Label();
        Label ring = new Label();

        asm.load(8, RING, CELL, RingLayout.RING);
        claim(refused);

        asm.bind(claimed);
        asm.load(8, RECORD, RING, RingLayout.MASK);
        asm.and(RECORD, 9, RECORD);
        asm.load(8, 12, RING, RingLayout.STRIDE);
        asm.multiplyAdd(RECORD, RECORD, 12, RING);
        asm.add(RECORD, RECORD, RingLayout.RECORDS);
        copyArguments();
        for (int i = 0; i < shape.copies().size(); i++) {
            copy(shape.copies().get(i), shape.data(i));
        }
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
        asm.load(4, 10, RING, RingLayout.WHEN_FULL);
        asm.moveConstant(12, WhenFull.WAIT.number);
        asm.compare(10, 12);
        asm.branchIf(EQUAL, wait);
        asm.bind(full);
        add(8, CELL, RingLayout.FULL_CALLS, 1);
        asm.add(ANSWER, CELL, RingLayout.FULL);
        asm.load(4, 10, RING, RingLayout.WHEN_FULL);
        asm.branchIfZeroInt(10, answer); // DROP
        asm.store(8, ZERO, RING, RingLayout.CAPACITY);
        asm.fence();
        wakeAll(signal);
        asm.branch(signal);

        asm.bind(late);
        add(8, CELL, RingLayout.LATE_CALLS, 1);
        asm.add(ANSWER, CELL, RingLayout.LATE);
        asm.branch(answer);

        asm.bind(ring);
        ringBell(answer);

        asm.bind(wait);
        awaitRoom(claimed, full, late);
        return asm.bytes();
    }

    /** Leaves the number of the claimed record in x9, and its sequence number in x11. Changes x10, x12 and x13, too. */
    private void claim(Label noRoom) {
        Label again = new Label();
        asm.bind(again);
        asm.load(8, 9, RING, RingLayout.TAIL);
        asm.add(10, RING, RingLayout.HEAD);
        asm.loadAcquire(8, 10, 10);
        asm.load(8, 12, RING, RingLayout.CAPACITY);
        asm.subtract(10, 9, 10);
        asm.compare(10, 12);
        asm.branchIf(GREATER_OR_EQUAL_SIGNED, noRoom);
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

    /** Copies what an argument points to. The arguments are in the record by now: x0 to x7 are free. */
    private void copy(Shape.Copy copy, int data) {
        Label end = new Label();
        asm.load(8, 0, RECORD, shape.offset(copy.argument()));
        asm.moveMinusOneInt(LENGTH); // of NULL
        asm.moveConstant(CUT, 0);
        asm.moveLongConstant(DATA, data);
        asm.addRegister(DATA, RECORD, DATA);
        asm.branchIfZero(0, end);
        asm.move(1, DATA);
        switch (copy.kind()) {
            case TEXT -> copyText(copy.most());
            case BYTES -> {
                Label fits = new Label();
                int bytes = shape.arguments().get(copy.length()).bytes;
                asm.load(bytes, LENGTH, RECORD, shape.offset(copy.length()));
                asm.moveLongConstant(3, copy.most());
                asm.compare(LENGTH, 3);
                asm.branchIf(LOWER_OR_SAME, fits);
                asm.move(LENGTH, 3);
                asm.moveConstant(CUT, 1);
                asm.bind(fits);
                copyBytes();
            }
            case STRUCT -> {
                asm.moveLongConstant(LENGTH, copy.most());
                copyBytes();
            }
        }
        asm.bind(end);
        asm.subtractConstant(DATA, DATA, -Copies.LENGTH);
        asm.store(4, LENGTH, DATA, 0);
        asm.store(4, CUT, DATA, Copies.CUT - Copies.LENGTH);
    }

    /** Reads no byte behind the NUL, and at most one behind the most that are copied: whether that one is the NUL. */
    private void copyText(int most) {
        Label next = new Label();
        Label cut = new Label();
        Label end = new Label();
        asm.moveLongConstant(3, most);
        asm.addRegister(3, 1, 3);
        asm.bind(next);
        asm.loadByteAndAdvance(2, 0);
        asm.branchIfZeroInt(2, end);
        asm.compare(1, 3);
        asm.branchIf(EQUAL, cut);
        asm.storeByteAndAdvance(2, 1);
        asm.branch(next);
        asm.bind(cut);
        asm.moveConstant(CUT, 1);
        asm.bind(end);
        asm.store(1, ZERO, 1, 0);
        asm.subtract(LENGTH, 1, DATA);
    }

    private void copyBytes() {
        Label next = new Label();
        Label end = new Label();
        asm.addRegister(3, 1, LENGTH);
        asm.bind(next);
        asm.compare(1, 3);
        asm.branchIf(EQUAL, end);
        asm.loadByteAndAdvance(2, 0);
        asm.storeByteAndAdvance(2, 1);
        asm.branch(next);
        asm.bind(end);
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

    /** Adds one, or takes one away, and leaves in x12 what there is then. Changes x10 and x13, too. */
    private void add(int bytes, int base, int offset, int one) {
        Label exclusive = new Label();
        asm.add(10, base, offset);
        asm.bind(exclusive);
        asm.loadExclusive(bytes, 12, 10);
        if (one > 0) {
            asm.add(12, 12, 1);
        } else {
            asm.subtractConstant(12, 12, 1);
        }
        asm.storeExclusive(bytes, 13, 12, 10);
        asm.branchIfNotZeroInt(13, exclusive);
    }

    /** Has all producers that wait for room look at the ring, which is closed. Keeps x9. */
    private void wakeAll(Label nobody) {
        add(4, RING, RingLayout.ROOM, 1);
        asm.fence();
        asm.load(4, 12, RING, RingLayout.WAITERS);
        asm.branchIfZeroInt(12, nobody);
        asm.add(0, RING, RingLayout.ROOM);
        asm.moveConstant(1, FUTEX_WAKE_PRIVATE);
        asm.moveConstant(2, Short.MAX_VALUE);
        asm.moveConstant(SYSTEM_CALL, FUTEX);
        asm.systemCall();
    }

    /** The producer that finds the ring full and may wait. Floating arguments, x6 and x7 stay in their registers. */
    private void awaitRoom(Label claimed, Label full, Label late) {
        Label own = new Label();
        Label enter = new Label();
        Label spin = new Label();
        Label taken = new Label();
        Label sleep = new Label();
        Label inside = new Label();
        Label stillFull = new Label();
        Label leave = new Label();

        asm.subtractConstant(SP, SP, FRAME);
        for (int register = 0; register < SPILLED; register++) {
            asm.store(8, register, SP, register * 8);
        }
        asm.moveConstant(SYSTEM_CALL, GETTID);
        asm.systemCall();
        asm.load(4, 12, RING, RingLayout.CONSUMER);
        asm.compare(0, 12);
        asm.branchIf(EQUAL, own);

        asm.load(4, 12, RING, RingLayout.WAITERS);
        asm.branchIfNotZeroInt(12, enter);
        asm.load(4, 14, RING, RingLayout.SPINS);
        asm.bind(spin);
        asm.branchIfZeroInt(14, enter);
        asm.subtractConstant(14, 14, 1);
        asm.pause();
        claim(spin);
        asm.branch(taken);

        asm.bind(enter);
        add(4, RING, RingLayout.WAITERS, 1);
        asm.fence(); // before the look for room
        asm.load(4, 10, RING, RingLayout.MOST_WAITING);
        asm.compare(10, 12);
        asm.branchIf(LESS_SIGNED, leave);
        deadline();

        asm.bind(sleep);
        asm.add(10, RING, RingLayout.ROOM);
        asm.loadAcquire(4, 2, 10); // before the look: room that is made after it changes this word
        claim(stillFull);
        asm.bind(inside);
        add(4, RING, RingLayout.WAITERS, -1);
        asm.bind(taken);
        for (int register = 0; register < SPILLED; register++) {
            asm.load(8, register, SP, register * 8);
        }
        asm.add(SP, SP, FRAME);
        asm.branch(claimed);

        asm.bind(stillFull);
        asm.load(8, 10, RING, RingLayout.CAPACITY);
        asm.branchIfZero(10, leave);
        asm.add(0, RING, RingLayout.ROOM);
        asm.moveConstant(1, FUTEX_WAIT_BITSET_PRIVATE);
        asm.add(3, SP, SECONDS);
        asm.moveMinusOneInt(5); // any bit
        asm.moveConstant(SYSTEM_CALL, FUTEX);
        asm.systemCall();
        asm.branchIfZero(0, sleep);
        for (int goesOn : new int[] {EAGAIN, EINTR}) {
            asm.compareNegative(0, goesOn);
            asm.branchIf(EQUAL, sleep);
        }
        claim(leave); // the limit has passed: a last look
        asm.branch(inside);

        asm.bind(leave);
        add(4, RING, RingLayout.WAITERS, -1);
        asm.bind(own);
        asm.add(SP, SP, FRAME);
        asm.load(8, 10, RING, RingLayout.CAPACITY);
        asm.branchIfZero(10, late);
        asm.branch(full);
    }

    /** The time at which the limit will have passed. */
    private void deadline() {
        Label normal = new Label();
        asm.moveConstant(0, CLOCK_MONOTONIC);
        asm.add(1, SP, SECONDS);
        asm.moveConstant(SYSTEM_CALL, CLOCK_GETTIME);
        asm.systemCall();
        asm.load(8, 10, SP, SECONDS);
        asm.load(8, 12, RING, RingLayout.LIMIT_SECONDS);
        asm.addRegister(10, 10, 12);
        asm.load(8, 11, SP, NANOS);
        asm.load(8, 12, RING, RingLayout.LIMIT_NANOS);
        asm.addRegister(11, 11, 12);
        asm.moveLongConstant(12, 1_000_000_000);
        asm.compare(11, 12);
        asm.branchIf(LESS_SIGNED, normal);
        asm.subtract(11, 11, 12);
        asm.add(10, 10, 1);
        asm.bind(normal);
        asm.store(8, 10, SP, SECONDS);
        asm.store(8, 11, SP, NANOS);
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
        asm.moveConstant(SYSTEM_CALL, FUTEX);
        asm.systemCall();
        asm.branch(answer);
    }
}
