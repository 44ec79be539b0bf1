package reactor.ffi.internal.ring;

import static reactor.ffi.internal.ring.X64Assembler.BELOW_OR_EQUAL;
import static reactor.ffi.internal.ring.X64Assembler.EQUAL;
import static reactor.ffi.internal.ring.X64Assembler.GREATER_OR_EQUAL_SIGNED;
import static reactor.ffi.internal.ring.X64Assembler.LESS_SIGNED;
import static reactor.ffi.internal.ring.X64Assembler.NOT_EQUAL;
import static reactor.ffi.internal.ring.X64Assembler.R10;
import static reactor.ffi.internal.ring.X64Assembler.R11;
import static reactor.ffi.internal.ring.X64Assembler.R8;
import static reactor.ffi.internal.ring.X64Assembler.R9;
import static reactor.ffi.internal.ring.X64Assembler.RAX;
import static reactor.ffi.internal.ring.X64Assembler.RCX;
import static reactor.ffi.internal.ring.X64Assembler.RDI;
import static reactor.ffi.internal.ring.X64Assembler.RDX;
import static reactor.ffi.internal.ring.X64Assembler.RSI;
import static reactor.ffi.internal.ring.X64Assembler.RSP;

import java.util.ArrayList;
import java.util.List;
import reactor.ffi.internal.ring.X64Assembler.Label;

/**
 * What a listener's pointer runs on x86-64, by the System V convention of Linux. It does what {@link JavaProducer} does, instruction by instruction.
 *
 * <p>A leaf: it calls nothing, and has no frame. It keeps the address of its cell, and while it waits for room its arguments, in
 * the red zone, the 128 bytes below the stack pointer that signal handlers leave alone. It reads no thread-local memory, and so leaves errno as it was. While
 * arguments are still in registers it has rax, r10 and r11; once they are in the record, theirs too.
 */
final class X64Producer {

    private static final int[] INTEGER_REGISTERS = {RDI, RSI, RDX, RCX, R8, R9};
    private static final int FLOATING_REGISTERS = 8;

    /** Where in the red zone the address of the cell lies. */
    private static final int CELL = -8;

    /** Where a producer that waits for room keeps what a system call changes, or takes. Then the time of its limit. */
    private static final int[] SPILLED = {RDI, RSI, RDX, RCX, R9};

    private static final int SPILL = -16;
    private static final int OWN_RING = SPILL - 8 * SPILLED.length;
    private static final int SECONDS = OWN_RING - 16;
    private static final int NANOS = SECONDS + 8;

    private static final int GETTID = 186;
    private static final int FUTEX = 202;
    private static final int CLOCK_GETTIME = 228;
    private static final int CLOCK_MONOTONIC = 1;
    private static final int FUTEX_WAKE_PRIVATE = 129;

    /** Takes a time, by the clock above, where FUTEX_WAIT takes a duration, which would begin anew after each signal. */
    private static final int FUTEX_WAIT_BITSET_PRIVATE = 137;

    private static final int ANY_BIT = -1;
    private static final int EAGAIN = 11;
    private static final int EINTR = 4;

    private final X64Assembler asm = new X64Assembler();
    private final Shape shape;

    private X64Producer(Shape shape) {
        this.shape = shape;
    }

    /** Code that expects the address of a cell in r10, and everything else as C has left it. It may lie anywhere. */
    static byte[] body(Shape shape) {
        return new X64Producer(shape).emit();
    }

    /**
     * A pointer's own code: takes the address of its cell, and goes on in the body.
     *
     * @param cell where the cell lies, in bytes from the begin of this code
     * @param body where the body lies
     */
    static byte[] thunk(int cell, int body) {
        X64Assembler asm = new X64Assembler();
        asm.landingPad();
        asm.addressFromHere(R10, cell - 11);
        asm.jumpFar(body - 16);
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

        asm.store(8, R10, RSP, CELL);
        asm.load(R10, R10, RingLayout.RING);

        claim(refused);

        // Write it: rax is its address.
        asm.bind(claimed);
        asm.and(RAX, R10, RingLayout.MASK);
        asm.multiply(RAX, R10, RingLayout.STRIDE);
        asm.add(RAX, R10);
        asm.address(RAX, RAX, RingLayout.RECORDS);
        copyArguments();
        for (int i = 0; i < shape.copies().size(); i++) {
            copy(shape.copies().get(i), shape.data(i));
        }
        asm.load(RDX, RSP, CELL);
        asm.load(RCX, RDX, RingLayout.INFO);
        asm.store(8, RCX, RAX, RingLayout.RECORD_INFO);
        asm.store(8, R11, RAX, RingLayout.SEQUENCE); // complete: x86 makes stores visible in their order
        asm.address(R8, RDX, RingLayout.TAKEN);

        asm.bind(signal);
        asm.compareInt(R10, RingLayout.STATE, RingLayout.IDLE);
        Label ring = new Label();
        asm.jumpIf(EQUAL, ring);
        asm.bind(answer);
        switch (shape.result()) {
            case NONE -> {}
            case INTEGER -> asm.load(RAX, R8, 0);
            case FLOATING -> asm.loadFloating(0, R8, 0);
        }
        asm.ret();

        asm.bind(refused);
        asm.compareLong(R10, RingLayout.CAPACITY, 0);
        asm.jumpIf(EQUAL, late);
        asm.compareInt(R10, RingLayout.WHEN_FULL, WhenFull.WAIT.number);
        asm.jumpIf(EQUAL, wait);
        asm.bind(full);
        asm.load(RDX, RSP, CELL);
        asm.increment(RDX, RingLayout.FULL_CALLS);
        asm.address(R8, RDX, RingLayout.FULL);
        asm.compareInt(R10, RingLayout.WHEN_FULL, WhenFull.DROP.number);
        asm.jumpIf(EQUAL, answer);
        asm.moveConstant(RAX, 0);
        asm.exchange(RAX, R10, RingLayout.CAPACITY);
        wakeAll(signal);
        asm.jump(signal);

        asm.bind(late);
        asm.load(RDX, RSP, CELL);
        asm.increment(RDX, RingLayout.LATE_CALLS);
        asm.address(R8, RDX, RingLayout.LATE);
        asm.jump(answer);

        asm.bind(ring);
        ringBell(answer);

        asm.bind(wait);
        awaitRoom(claimed, full, late);
        return asm.bytes();
    }

    /** Leaves the number of the claimed record in rax, and its sequence number in r11. */
    private void claim(Label noRoom) {
        Label again = new Label();
        asm.load(RAX, R10, RingLayout.TAIL);
        asm.bind(again);
        asm.move(R11, RAX);
        asm.subtract(R11, R10, RingLayout.HEAD);
        asm.compare(R11, R10, RingLayout.CAPACITY);
        asm.jumpIf(GREATER_OR_EQUAL_SIGNED, noRoom);
        asm.address(R11, RAX, 1);
        asm.compareAndSet(R11, R10, RingLayout.TAIL);
        asm.jumpIf(NOT_EQUAL, again);
    }

    private void copyArguments() {
        int integers = 0;
        int floatings = 0;
        List<Integer> onStack = new ArrayList<>();
        for (int i = 0; i < shape.arguments().size(); i++) {
            Shape.Kind kind = shape.arguments().get(i);
            if (kind.isFloating() && floatings < FLOATING_REGISTERS) {
                asm.storeFloating(kind.bytes, floatings++, RAX, shape.offset(i));
            } else if (!kind.isFloating() && integers < INTEGER_REGISTERS.length) {
                asm.store(kind.bytes, INTEGER_REGISTERS[integers++], RAX, shape.offset(i));
            } else {
                onStack.add(i);
            }
        }
        int at = 8; // above the return address, eight bytes each
        for (int i : onStack) { // rdx has been copied by now
            asm.load(RDX, RSP, at);
            asm.store(shape.arguments().get(i).bytes, RDX, RAX, shape.offset(i));
            at += 8;
        }
    }

    /** Copies what an argument points to. The arguments are in the record by now: rax and r11 are all that is to be kept. */
    private void copy(Shape.Copy copy, int data) {
        Label end = new Label();
        asm.load(RSI, RAX, shape.offset(copy.argument()));
        asm.moveConstant(RCX, Copies.OF_NULL);
        asm.moveConstant(R8, 0); // whether it is cut
        asm.compareConstant(RSI, 0);
        asm.jumpIf(EQUAL, end);
        asm.address(RDI, RAX, data);
        switch (copy.kind()) {
            case TEXT -> copyText(copy.most(), data);
            case BYTES -> {
                Label fits = new Label();
                int bytes = shape.arguments().get(copy.length()).bytes;
                asm.loadUnsigned(bytes, RCX, RAX, shape.offset(copy.length()));
                asm.compareConstant(RCX, copy.most());
                asm.jumpIf(BELOW_OR_EQUAL, fits);
                asm.moveConstant(RCX, copy.most());
                asm.moveConstant(R8, 1);
                asm.bind(fits);
                asm.move(RDX, RCX);
                asm.copyBytes();
                asm.move(RCX, RDX);
            }
            case STRUCT -> {
                asm.moveConstant(RCX, copy.most());
                asm.copyBytes();
                asm.moveConstant(RCX, copy.most());
            }
        }
        asm.bind(end);
        asm.store(4, RCX, RAX, data + Copies.LENGTH);
        asm.store(4, R8, RAX, data + Copies.CUT);
    }

    /** Reads no byte behind the NUL, and at most one behind the most that are copied: whether that one is the NUL. */
    private void copyText(int most, int data) {
        Label next = new Label();
        Label cut = new Label();
        Label end = new Label();
        asm.address(R9, RDI, most);
        asm.bind(next);
        asm.loadUnsigned(1, RDX, RSI, 0);
        asm.compareConstant(RDX, 0);
        asm.jumpIf(EQUAL, end);
        asm.compare(RDI, R9);
        asm.jumpIf(EQUAL, cut);
        asm.store(1, RDX, RDI, 0);
        asm.address(RSI, RSI, 1);
        asm.address(RDI, RDI, 1);
        asm.jump(next);
        asm.bind(cut);
        asm.moveConstant(R8, 1);
        asm.moveConstant(RDX, 0);
        asm.bind(end);
        asm.store(1, RDX, RDI, 0);
        asm.move(RCX, RDI);
        asm.subtract(RCX, RAX);
        asm.address(RCX, RCX, -data);
    }

    /** Has all producers that wait for room look at the ring, which is closed. Keeps r8 and r10. */
    private void wakeAll(Label nobody) {
        asm.incrementInt(R10, RingLayout.ROOM);
        asm.compareInt(R10, RingLayout.WAITERS, 0);
        asm.jumpIf(EQUAL, nobody);
        asm.address(RDI, R10, RingLayout.ROOM);
        asm.moveConstant(RSI, FUTEX_WAKE_PRIVATE);
        asm.moveConstant(RDX, Integer.MAX_VALUE);
        asm.moveConstant(RAX, FUTEX);
        asm.systemCall();
    }

    /** The producer that finds the ring full and may wait. Floating arguments and r8 stay in their registers. */
    private void awaitRoom(Label claimed, Label full, Label late) {
        Label enter = new Label();
        Label spin = new Label();
        Label sleep = new Label();
        Label inside = new Label();
        Label stillFull = new Label();
        Label leave = new Label();

        for (int i = 0; i < SPILLED.length; i++) {
            asm.store(8, SPILLED[i], RSP, SPILL - 8 * i);
        }
        asm.moveConstant(RAX, GETTID);
        asm.systemCall();
        asm.compareToInt(RAX, R10, RingLayout.CONSUMER);
        asm.jumpIf(EQUAL, full);

        asm.compareInt(R10, RingLayout.WAITERS, 0);
        asm.jumpIf(NOT_EQUAL, enter);
        asm.loadInt(R9, R10, RingLayout.SPINS);
        asm.bind(spin);
        asm.compareConstant(R9, 0);
        asm.jumpIf(EQUAL, enter);
        asm.address(R9, R9, -1);
        asm.pause();
        Label taken = new Label();
        claim(spin);
        asm.jump(taken);

        asm.bind(enter);
        asm.moveConstant(RAX, 1);
        asm.exchangeAddInt(RAX, R10, RingLayout.WAITERS);
        asm.compareToInt(RAX, R10, RingLayout.MOST_WAITING);
        asm.jumpIf(GREATER_OR_EQUAL_SIGNED, leave);
        deadline();

        asm.bind(sleep);
        asm.loadInt(RDX, R10, RingLayout.ROOM); // before the look: room that is made after it changes this word
        claim(stillFull);
        asm.bind(inside);
        asm.decrementInt(R10, RingLayout.WAITERS);
        asm.bind(taken);
        for (int i = 0; i < SPILLED.length; i++) {
            asm.load(SPILLED[i], RSP, SPILL - 8 * i);
        }
        asm.jump(claimed);

        asm.bind(stillFull);
        asm.compareLong(R10, RingLayout.CAPACITY, 0);
        asm.jumpIf(EQUAL, leave);
        asm.address(RDI, R10, RingLayout.ROOM);
        asm.moveConstant(RSI, FUTEX_WAIT_BITSET_PRIVATE);
        asm.moveConstant(R9, ANY_BIT);
        asm.store(8, R10, RSP, OWN_RING);
        asm.address(R10, RSP, SECONDS);
        asm.moveConstant(RAX, FUTEX);
        asm.systemCall();
        asm.load(R10, RSP, OWN_RING);
        for (int goesOn : new int[] {0, -EAGAIN, -EINTR}) {
            asm.compareConstant(RAX, goesOn);
            asm.jumpIf(EQUAL, sleep);
        }
        claim(leave); // the limit has passed: a last look
        asm.jump(inside);

        asm.bind(leave);
        asm.decrementInt(R10, RingLayout.WAITERS);
        asm.compareLong(R10, RingLayout.CAPACITY, 0);
        asm.jumpIf(EQUAL, late);
        asm.jump(full);
    }

    /** The time at which the limit will have passed. */
    private void deadline() {
        Label normal = new Label();
        asm.moveConstant(RDI, CLOCK_MONOTONIC);
        asm.address(RSI, RSP, SECONDS);
        asm.moveConstant(RAX, CLOCK_GETTIME);
        asm.systemCall();
        asm.load(RAX, RSP, NANOS);
        asm.load(RCX, RSP, SECONDS);
        asm.add(RAX, R10, RingLayout.LIMIT_NANOS);
        asm.add(RCX, R10, RingLayout.LIMIT_SECONDS);
        asm.compareConstant(RAX, 1_000_000_000);
        asm.jumpIf(LESS_SIGNED, normal);
        asm.address(RAX, RAX, -1_000_000_000);
        asm.address(RCX, RCX, 1);
        asm.bind(normal);
        asm.store(8, RAX, RSP, NANOS);
        asm.store(8, RCX, RSP, SECONDS);
    }

    /** The one producer that finds the ring idle. r8 is kept: the system call changes rax, rcx and r11 only. */
    private void ringBell(Label answer) {
        asm.moveConstant(RAX, RingLayout.IDLE);
        asm.moveConstant(RCX, RingLayout.RUNG);
        asm.compareAndSetInt(RCX, R10, RingLayout.STATE);
        asm.jumpIf(NOT_EQUAL, answer);

        Label push = new Label();
        asm.load(RDI, R10, RingLayout.BELL);
        asm.load(RAX, RDI, RingLayout.TOP);
        asm.bind(push);
        asm.store(8, RAX, R10, RingLayout.NEXT);
        asm.compareAndSet(R10, RDI, RingLayout.TOP);
        asm.jumpIf(NOT_EQUAL, push);

        asm.compareInt(RDI, RingLayout.SLEEP, RingLayout.ASLEEP);
        asm.jumpIf(NOT_EQUAL, answer);
        asm.moveConstant(RAX, RingLayout.ASLEEP);
        asm.moveConstant(RCX, RingLayout.AWAKE);
        asm.compareAndSetInt(RCX, RDI, RingLayout.SLEEP);
        asm.jumpIf(NOT_EQUAL, answer);
        asm.moveConstant(RSI, FUTEX_WAKE_PRIVATE);
        asm.moveConstant(RDX, 1);
        asm.moveConstant(RAX, FUTEX);
        asm.systemCall();
        asm.jump(answer);
    }
}
