package reactor.ffi.internal.ring;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/** Words of native memory, by their address: what machine code and Java share. {@link RingLayout} says where they lie. */
final class Words {

    /** All memory, so that an address is an offset. */
    @SuppressWarnings("restricted")
    static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private static final VarHandle LONG = JAVA_LONG.varHandle().withInvokeExactBehavior();
    private static final VarHandle SHORT = JAVA_SHORT.varHandle().withInvokeExactBehavior();
    private static final VarHandle INT = JAVA_INT.varHandle().withInvokeExactBehavior();

    private Words() {}

    static long get(long address) {
        return (long) LONG.get(MEMORY, address);
    }

    static long getOpaque(long address) {
        return (long) LONG.getOpaque(MEMORY, address);
    }

    static long getAcquire(long address) {
        return (long) LONG.getAcquire(MEMORY, address);
    }

    static long getVolatile(long address) {
        return (long) LONG.getVolatile(MEMORY, address);
    }

    static void set(long address, long value) {
        LONG.set(MEMORY, address, value);
    }

    static void setRelease(long address, long value) {
        LONG.setRelease(MEMORY, address, value);
    }

    static void setVolatile(long address, long value) {
        LONG.setVolatile(MEMORY, address, value);
    }

    static long getAndSet(long address, long value) {
        return (long) LONG.getAndSet(MEMORY, address, value);
    }

    static int getAndAddInt(long address, int more) {
        return (int) INT.getAndAdd(MEMORY, address, more);
    }

    static void incrementInt(long address) {
        int _ = getAndAddInt(address, 1);
    }

    static void increment(long address) {
        long _ = (long) LONG.getAndAdd(MEMORY, address, 1L);
    }

    static boolean compareAndSet(long address, long expected, long value) {
        return LONG.compareAndSet(MEMORY, address, expected, value);
    }

    static byte getByte(long address) {
        return MEMORY.get(JAVA_BYTE, address);
    }

    static short getShort(long address) {
        return (short) SHORT.get(MEMORY, address);
    }

    static int getInt(long address) {
        return (int) INT.get(MEMORY, address);
    }

    static int getIntVolatile(long address) {
        return (int) INT.getVolatile(MEMORY, address);
    }

    static void setInt(long address, int value) {
        INT.set(MEMORY, address, value);
    }

    static void setIntVolatile(long address, int value) {
        INT.setVolatile(MEMORY, address, value);
    }

    static boolean compareAndSetInt(long address, int expected, int value) {
        return INT.compareAndSet(MEMORY, address, expected, value);
    }
}
