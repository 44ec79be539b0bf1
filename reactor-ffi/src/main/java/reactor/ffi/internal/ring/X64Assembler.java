package reactor.ffi.internal.ring;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The instructions of x86-64 that {@link X64Producer} needs, each as one method. Operands are in the order of Intel's manual. */
final class X64Assembler {

    static final int RAX = 0;
    static final int RCX = 1;
    static final int RDX = 2;
    static final int RSP = 4;
    static final int RSI = 6;
    static final int RDI = 7;
    static final int R8 = 8;
    static final int R9 = 9;
    static final int R10 = 10;
    static final int R11 = 11;

    /** Conditions of a jump, by their number in the opcode. */
    static final int EQUAL = 0x4;

    static final int NOT_EQUAL = 0x5;
    static final int BELOW_OR_EQUAL = 0x6;
    static final int LESS_SIGNED = 0xC;
    static final int GREATER_OR_EQUAL_SIGNED = 0xD;

    private static final int LOCK = 0xF0;
    private static final int REX = 0x40;
    private static final int REX_W = 0x48;

    private byte[] code = new byte[1024];
    private int size;

    /** A place in the code that jumps lead to. Jumps forward are filled in once it is bound. */
    static final class Label {

        private int at = -1;
        private final List<Integer> jumps = new ArrayList<>();
    }

    byte[] bytes() {
        return Arrays.copyOf(code, size);
    }

    /** mov to, [base + offset], of 8 bytes */
    void load(int to, int base, int offset) {
        memory(0, REX_W, to, base, offset, 0x8B);
    }

    /** mov to, [base + offset], of 4 bytes; the upper half becomes zero */
    void loadInt(int to, int base, int offset) {
        memory(0, 0, to, base, offset, 0x8B);
    }

    /** mov or movzx to, [base + offset], of 1, 2, 4 or 8 bytes; the rest becomes zero */
    void loadUnsigned(int bytes, int to, int base, int offset) {
        switch (bytes) {
            case 1 -> memory(0, 0, to, base, offset, 0x0F, 0xB6);
            case 2 -> memory(0, 0, to, base, offset, 0x0F, 0xB7);
            case 4 -> loadInt(to, base, offset);
            default -> load(to, base, offset);
        }
    }

    /** mov [base + offset], from; the low 1, 2, 4 or 8 bytes of it */
    void store(int bytes, int from, int base, int offset) {
        switch (bytes) {
            case 1 -> memory(0, REX, from, base, offset, 0x88); // with REX: sil and dil, not dh and bh
            case 2 -> memory(0x66, 0, from, base, offset, 0x89);
            case 4 -> memory(0, 0, from, base, offset, 0x89);
            default -> memory(0, REX_W, from, base, offset, 0x89);
        }
    }

    /** movss or movsd [base + offset], xmm */
    void storeFloating(int bytes, int xmm, int base, int offset) {
        memory(bytes == 4 ? 0xF3 : 0xF2, 0, xmm, base, offset, 0x0F, 0x11);
    }

    /** movsd xmm, [base + offset] */
    void loadFloating(int xmm, int base, int offset) {
        memory(0xF2, 0, xmm, base, offset, 0x0F, 0x10);
    }

    /** lea to, [base + offset] */
    void address(int to, int base, int offset) {
        memory(0, REX_W, to, base, offset, 0x8D);
    }

    /** lea to, [rip + displacement], where the displacement counts from the end of this instruction */
    void addressFromHere(int to, int displacement) {
        emit(REX_W | high(to) << 2, 0x8D, 0x05 | low(to) << 3);
        emit32(displacement);
    }

    /** mov to, from */
    void move(int to, int from) {
        emit(REX_W | high(from) << 2 | high(to), 0x89, 0xC0 | low(from) << 3 | low(to));
    }

    /** mov to, value, of 4 bytes; the upper half becomes zero */
    void moveConstant(int to, int value) {
        if (to >= 8) {
            emit(REX | 1);
        }
        emit(0xB8 | low(to));
        emit32(value);
    }

    /** add to, from */
    void add(int to, int from) {
        emit(REX_W | high(from) << 2 | high(to), 0x01, 0xC0 | low(from) << 3 | low(to));
    }

    /** add to, [base + offset] */
    void add(int to, int base, int offset) {
        memory(0, REX_W, to, base, offset, 0x03);
    }

    /** sub to, from */
    void subtract(int to, int from) {
        emit(REX_W | high(from) << 2 | high(to), 0x29, 0xC0 | low(from) << 3 | low(to));
    }

    /** cmp left, right */
    void compare(int left, int right) {
        emit(REX_W | high(right) << 2 | high(left), 0x39, 0xC0 | low(right) << 3 | low(left));
    }

    /** rep movsb: copies rcx bytes from [rsi] to [rdi] */
    void copyBytes() {
        emit(0xF3, 0xA4);
    }

    /** sub to, [base + offset] */
    void subtract(int to, int base, int offset) {
        memory(0, REX_W, to, base, offset, 0x2B);
    }

    /** and to, [base + offset] */
    void and(int to, int base, int offset) {
        memory(0, REX_W, to, base, offset, 0x23);
    }

    /** imul to, [base + offset] */
    void multiply(int to, int base, int offset) {
        memory(0, REX_W, to, base, offset, 0x0F, 0xAF);
    }

    /** cmp register, [base + offset] */
    void compare(int register, int base, int offset) {
        memory(0, REX_W, register, base, offset, 0x3B);
    }

    /** cmp of 4 bytes, of a register and [base + offset] */
    void compareToInt(int register, int base, int offset) {
        memory(0, 0, register, base, offset, 0x3B);
    }

    /** cmp register, value */
    void compareConstant(int register, int value) {
        emit(REX_W | high(register), 0x81, 0xF8 | low(register));
        emit32(value);
    }

    /** cmp dword [base + offset], value, with a value of one byte */
    void compareInt(int base, int offset, int value) {
        memory(0, 0, 7, base, offset, 0x83);
        emit(value);
    }

    /** cmp qword [base + offset], value, with a value of one byte */
    void compareLong(int base, int offset, int value) {
        memory(0, REX_W, 7, base, offset, 0x83);
        emit(value);
    }

    /** lock cmpxchg [base + offset], value; it expects what rax holds, and leaves there what it has found */
    void compareAndSet(int value, int base, int offset) {
        memory(LOCK, REX_W, value, base, offset, 0x0F, 0xB1);
    }

    /** lock cmpxchg of 4 bytes */
    void compareAndSetInt(int value, int base, int offset) {
        memory(LOCK, 0, value, base, offset, 0x0F, 0xB1);
    }

    /** lock inc qword [base + offset] */
    void increment(int base, int offset) {
        memory(LOCK, REX_W, 0, base, offset, 0xFF);
    }

    /** lock inc dword [base + offset] */
    void incrementInt(int base, int offset) {
        memory(LOCK, 0, 0, base, offset, 0xFF);
    }

    /** lock dec dword [base + offset] */
    void decrementInt(int base, int offset) {
        memory(LOCK, 0, 1, base, offset, 0xFF);
    }

    /** lock xadd dword [base + offset], register, which becomes what was there */
    void exchangeAddInt(int register, int base, int offset) {
        memory(LOCK, 0, register, base, offset, 0x0F, 0xC1);
    }

    /** xchg [base + offset], register: a store, and a full fence */
    void exchange(int register, int base, int offset) {
        memory(0, REX_W, register, base, offset, 0x87);
    }

    void jump(Label to) {
        emit(0xE9);
        use(to);
    }

    void jumpIf(int condition, Label to) {
        emit(0x0F, 0x80 | condition);
        use(to);
    }

    /** jmp to what lies so many bytes behind this instruction */
    void jumpFar(int displacement) {
        emit(0xE9);
        emit32(displacement);
    }

    void pause() {
        emit(0xF3, 0x90);
    }

    void systemCall() {
        emit(0x0F, 0x05);
    }

    void ret() {
        emit(0xC3);
    }

    /** endbr64: an indirect call may end here */
    void landingPad() {
        emit(0xF3, 0x0F, 0x1E, 0xFA);
    }

    void bind(Label label) {
        label.at = size;
        for (int jump : label.jumps) {
            patch(jump, label.at - (jump + 4));
        }
    }

    private void use(Label label) {
        if (label.at < 0) {
            label.jumps.add(size);
            emit32(0);
        } else {
            emit32(label.at - (size + 4));
        }
    }

    /**
     * An instruction with a register and a place in memory. The prefix, if there is one, stands before REX.
     *
     * @param rex 0, if the instruction needs it only for the upper eight registers
     */
    private void memory(int prefix, int rex, int register, int base, int offset, int... opcode) {
        if (prefix != 0) {
            emit(prefix);
        }
        int all = rex | high(register) << 2 | high(base);
        if (all != 0) {
            emit(REX | all);
        }
        emit(opcode);
        boolean small = offset >= -128 && offset < 128;
        emit((small ? 0x40 : 0x80) | low(register) << 3 | low(base));
        if (low(base) == RSP) {
            emit(0x24); // rsp as a base needs a second byte: no index
        }
        if (small) {
            emit(offset);
        } else {
            emit32(offset);
        }
    }

    private static int low(int register) {
        return register & 7;
    }

    private static int high(int register) {
        return register >> 3;
    }

    private void emit(int... values) {
        for (int value : values) {
            if (size == code.length) {
                code = Arrays.copyOf(code, size * 2);
            }
            code[size++] = (byte) value;
        }
    }

    private void emit32(int value) {
        emit(value, value >> 8, value >> 16, value >> 24);
    }

    private void patch(int at, int value) {
        for (int i = 0; i < 4; i++) {
            code[at + i] = (byte) (value >> (8 * i));
        }
    }
}
