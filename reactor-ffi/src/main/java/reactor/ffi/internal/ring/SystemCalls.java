package reactor.ffi.internal.ring;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The system calls by which machine code and Java wake one another, on Linux. */
final class SystemCalls {

    private static final boolean X64 = System.getProperty("os.arch").equals("amd64");
    private static final long FUTEX = X64 ? 202 : 98;
    private static final long GETTID = X64 ? 186 : 178;
    private static final int FUTEX_WAIT_PRIVATE = 128;
    private static final int FUTEX_WAKE_PRIVATE = 129;

    /** Not a critical downcall: the JVM's collections would wait for its return. */
    private static final MethodHandle SYSCALL = SystemMemory.function(
            "syscall",
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG),
            Linker.Option.firstVariadicArg(1));

    private SystemCalls() {}

    /**
     * Sleeps until another thread wakes this one, unless the word has another value by now.
     *
     * @param limit a struct timespec: how long to sleep
     * @return whether another thread has woken this one
     */
    static boolean sleep(long word, int value, MemorySegment limit) {
        return call(FUTEX, word, FUTEX_WAIT_PRIVATE, value, limit.address()) == 0;
    }

    /** Wakes at most so many threads that sleep on the word. */
    static void wake(long word, int most) {
        long _ = call(FUTEX, word, FUTEX_WAKE_PRIVATE, most, 0);
    }

    /** Returns the system's number of the calling thread. */
    static int threadId() {
        return (int) call(GETTID, 0, 0, 0, 0);
    }

    private static long call(long number, long first, int second, int third, long fourth) {
        try {
            return (long) SYSCALL.invokeExact(number, first, second, third, fourth);
        } catch (Throwable e) {
            throw SystemMemory.unchecked(e);
        }
    }
}
