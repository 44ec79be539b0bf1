package reactor.ffi.internal.ring;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** The instructions of aarch64 that {@link Arm64Producer} needs, each as one method. Registers are given by their numbers. */
final class Arm64Assembler {

    /** The stack pointer as the base of an address, and the zero register as an operand. */
    static final int SP = 31;

    static final int ZERO = 31;

    /** Conditions of a branch, by their number in the instruction. */
    static final int NOT_EQUAL = 0x1;

    static final int EQUAL = 0x0;
    static final int LOWER_OR_SAME = 0x9;
    static final int GREATER_OR_EQUAL_SIGNED = 0xA;
    static final int LESS_SIGNED = 0xB;

    private final ByteBuffer code = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);

    /** A place in the code that branches lead to. Branches forward are filled in once the label is bound. */
    static final class Label {

        private int at = -1;
        private final List<Integer> branches = new ArrayList<>();
    }

    byte[] bytes() {
        byte[] bytes = new byte[code.position()];
        code.get(0, bytes);
        return bytes;
    }

    /** ldrb, ldrh or ldr, to = [base + offset]; the rest becomes zero */
    void load(int bytes, int to, int base, int offset) {
        emit(0x39400000 | size(bytes) | scaled(offset, bytes) << 10 | base << 5 | to);
    }

    /** ldrb to, [base], #1: then base is one more */
    void loadByteAndAdvance(int to, int base) {
        emit(0x38401400 | base << 5 | to);
    }

    /** strb from, [base], #1: then base is one more */
    void storeByteAndAdvance(int from, int base) {
        emit(0x38001400 | base << 5 | from);
    }

    /** strb, strh or str, [base + offset] = the low bytes of a register */
    void store(int bytes, int from, int base, int offset) {
        emit(0x39000000 | size(bytes) | scaled(offset, bytes) << 10 | base << 5 | from);
    }

    /** str of s or d */
    void storeFloating(int bytes, int from, int base, int offset) {
        emit(0x3D000000 | size(bytes) | scaled(offset, bytes) << 10 | base << 5 | from);
    }

    /** ldr of d */
    void loadDouble(int to, int base) {
        emit(0xFD400000 | base << 5 | to);
    }

    /** ldar of 4 or 8 bytes, to = [base] */
    void loadAcquire(int bytes, int to, int base) {
        emit(0x08DFFC00 | size(bytes) | base << 5 | to);
    }

    /** stlr of 8 bytes, [base] = from */
    void storeRelease(int from, int base) {
        emit(0xC89FFC00 | base << 5 | from);
    }

    /** ldaxr of 4 or 8 bytes, to = [base], and begins to watch */
    void loadExclusive(int bytes, int to, int base) {
        emit(0x085FFC00 | size(bytes) | base << 5 | to);
    }

    /** stlxr of 4 or 8 bytes, [base] = from, if nobody has written there; failed = 0 or 1 */
    void storeExclusive(int bytes, int failed, int from, int base) {
        emit(0x0800FC00 | size(bytes) | failed << 16 | base << 5 | from);
    }

    /** casal of 8 bytes, of the Large System Extensions: [base] = value, if it is expected, which becomes what was found */
    void compareAndSwap(int expected, int value, int base) {
        emit(0xC8E0FC00 | expected << 16 | base << 5 | value);
    }

    /** dmb ish: a full fence */
    void fence() {
        emit(0xD5033BBF);
    }

    /** mov to, from */
    void move(int to, int from) {
        emit(0xAA0003E0 | from << 16 | to);
    }

    /** mov to, value, of 16 bits */
    void moveConstant(int to, int value) {
        emit(0xD2800000 | value << 5 | to);
    }

    /** movk to, value, of 16 bits, which become bits 16 to 31 */
    void moveUpper(int to, int value) {
        emit(0xF2A00000 | value << 5 | to);
    }

    /** mov to, value, of 32 bits */
    void moveLongConstant(int to, int value) {
        moveConstant(to, value & 0xFFFF);
        moveUpper(to, value >>> 16);
    }

    /** mov to, -1, of 4 bytes */
    void moveMinusOneInt(int to) {
        emit(0x12800000 | to);
    }

    /** add to, left, right */
    void addRegister(int to, int left, int right) {
        emit(0x8B000000 | right << 16 | left << 5 | to);
    }

    /** add to, from, value, of 12 bits */
    void add(int to, int from, int value) {
        emit(0x91000000 | value << 10 | from << 5 | to);
    }

    /** sub to, from, value, of 12 bits */
    void subtractConstant(int to, int from, int value) {
        emit(0xD1000000 | value << 10 | from << 5 | to);
    }

    /** sub to, left, right */
    void subtract(int to, int left, int right) {
        emit(0xCB000000 | right << 16 | left << 5 | to);
    }

    /** and to, left, right */
    void and(int to, int left, int right) {
        emit(0x8A000000 | right << 16 | left << 5 | to);
    }

    /** madd to, left, right, plus: to = left * right + plus */
    void multiplyAdd(int to, int left, int right, int plus) {
        emit(0x9B000000 | right << 16 | plus << 10 | left << 5 | to);
    }

    /** cmp left, right */
    void compare(int left, int right) {
        emit(0xEB00001F | right << 16 | left << 5);
    }

    /** cmn register, value: compares with a negative number of 12 bits */
    void compareNegative(int register, int value) {
        emit(0xB100001F | value << 10 | register << 5);
    }

    void branch(Label to) {
        use(to, 0x14000000, 0, 0x3FFFFFF);
    }

    void branchIf(int condition, Label to) {
        use(to, 0x54000000 | condition, 5, 0x7FFFF);
    }

    /** cbz of 8 bytes */
    void branchIfZero(int register, Label to) {
        use(to, 0xB4000000 | register, 5, 0x7FFFF);
    }

    /** cbz of 4 bytes */
    void branchIfZeroInt(int register, Label to) {
        use(to, 0x34000000 | register, 5, 0x7FFFF);
    }

    /** cbnz of 4 bytes */
    void branchIfNotZeroInt(int register, Label to) {
        use(to, 0x35000000 | register, 5, 0x7FFFF);
    }

    /** b to what lies so many bytes from the begin of this instruction */
    void branchFar(int displacement) {
        emit(0x14000000 | (displacement >> 2 & 0x3FFFFFF));
    }

    /** adr to, what lies so many bytes from the begin of this instruction */
    void addressFromHere(int to, int displacement) {
        emit(0x10000000 | (displacement & 3) << 29 | (displacement >> 2 & 0x7FFFF) << 5 | to);
    }

    /** yield: tells the processor that this thread waits for another */
    void pause() {
        emit(0xD503203F);
    }

    void systemCall() {
        emit(0xD4000001);
    }

    void ret() {
        emit(0xD65F03C0);
    }

    /** bti c: an indirect call may end here */
    void landingPad() {
        emit(0xD503245F);
    }

    void bind(Label label) {
        label.at = code.position();
        for (int branch : label.branches) {
            boolean isFar = (code.getInt(branch) & 0x7C000000) == 0x14000000;
            int words = (label.at - branch) >> 2;
            code.putInt(branch, code.getInt(branch) | (isFar ? words & 0x3FFFFFF : (words & 0x7FFFF) << 5));
        }
    }

    private void use(Label label, int instruction, int shift, int mask) {
        if (label.at < 0) {
            label.branches.add(code.position());
            emit(instruction);
        } else {
            emit(instruction | ((label.at - code.position()) >> 2 & mask) << shift);
        }
    }

    private static int size(int bytes) {
        return Integer.numberOfTrailingZeros(bytes) << 30;
    }

    private static int scaled(int offset, int bytes) {
        return offset / bytes;
    }

    private void emit(int instruction) {
        code.putInt(instruction);
    }
}
