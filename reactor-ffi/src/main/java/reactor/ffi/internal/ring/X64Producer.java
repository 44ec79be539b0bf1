package reactor.ffi.internal.ring;

import static reactor.ffi.internal.ring.X64Assembler.EQUAL;
import static reactor.ffi.internal.ring.X64Assembler.GREATER_OR_EQUAL_SIGNED;
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
 * <p>A leaf: it calls nothing, and has no frame. It keeps the address of its cell in the red zone, the 128 bytes below the
 * stack pointer that signal handlers leave alone. It reads no thread-local memory, and so leaves errno as it was. While
 * arguments are still in registers it has rax, r10 and r11; once they are in the record, theirs too.
 */
final class X64Producer {

    private static final int[] INTEGER_REGISTERS = {RDI, RSI, RDX, RCX, R8, R9};
    private static final int FLOATING_REGISTERS = 8;

    /** Where in the red zone the address of the cell lies. */
    private static final int CELL = -8;

    private static final int FUTEX = 202;
    private static final int FUTEX_WAKE_PRIVATE = 129;

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
        Label again = new Label();
        Label refused = new Label();
        Label late = new Label();
        Label signal = new Label();
        Label answer = new Label();

        asm.store(8, R10, RSP, CELL);
        asm.load(R10, R10, RingLayout.RING);

        // Claim the record number rax.
        asm.load(RAX, R10, RingLayout.TAIL);
        asm.bind(again);
        asm.move(R11, RAX);
        asm.subtract(R11, R10, RingLayout.HEAD);
        asm.compare(R11, R10, RingLayout.CAPACITY);
        asm.jumpIf(GREATER_OR_EQUAL_SIGNED, refused);
        asm.address(R11, RAX, 1);
        asm.compareAndSet(R11, R10, RingLayout.TAIL);
        asm.jumpIf(NOT_EQUAL, again);

        // Write it: rax is its address.
        asm.and(RAX, R10, RingLayout.MASK);
        asm.multiply(RAX, R10, RingLayout.STRIDE);
        asm.add(RAX, R10);
        asm.address(RAX, RAX, RingLayout.RECORDS);
        copyArguments();
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
        asm.load(RDX, RSP, CELL);
        asm.compareLong(R10, RingLayout.CAPACITY, 0);
        asm.jumpIf(EQUAL, late);
        asm.increment(RDX, RingLayout.FULL_CALLS);
        asm.address(R8, RDX, RingLayout.FULL);
        asm.compareInt(R10, RingLayout.CLOSES_WHEN_FULL, 0);
        asm.jumpIf(EQUAL, answer);
        asm.moveConstant(RAX, 0);
        asm.exchange(RAX, R10, RingLayout.CAPACITY);
        asm.jump(signal);

        asm.bind(late);
        asm.increment(RDX, RingLayout.LATE_CALLS);
        asm.address(R8, RDX, RingLayout.LATE);
        asm.jump(answer);

        asm.bind(ring);
        ringBell(answer);
        return asm.bytes();
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
