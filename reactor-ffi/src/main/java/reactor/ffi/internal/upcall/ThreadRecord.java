package reactor.ffi.internal.upcall;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * What one thread is inside of: a small stack of frames, one for each upcall on its Java stack. Only that thread writes it;
 * the cold side reads it after a {@link HeavyBarrier}. It also limits how deep upcalls nest, and dresses native threads.
 */
final class ThreadRecord {

    /** {@code (Slot)Frame}. */
    static final MethodHandle ENTER;

    private static final ThreadLocal<@Nullable ThreadRecord> CURRENT = new ThreadLocal<>();
    private static final VarHandle BEGUN;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            ENTER = lookup.findStatic(ThreadRecord.class, "enter", methodType(Frame.class, Slot.class));
            BEGUN = lookup.findVarHandle(ThreadRecord.class, "begun", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    final Thread thread = Thread.currentThread();

    /**
     * Whether the bottom of this thread's stack is an upcall: the JVM attached it, as a daemon without a context class
     * loader. Only such a thread is dressed; the others belong to somebody.
     */
    private final boolean attached = thread.getContextClassLoader() == null && thread.isDaemon() && !thread.isVirtual();

    /** Grows with the depth that was needed. */
    private volatile Frame[] frames;

    /** How many frames are in use. Only the thread itself reads it. */
    int depth;

    /** How many calls have begun here; the stamp of a frame. */
    private long begun;

    private ThreadRecord() {
        frames = new Frame[] {new Frame(this, 0), new Frame(this, 1)};
        long number = NativeThreads.enlist(this);
        if (attached) {
            thread.setName(PthreadName.current() + " (native-" + number + ")");
        }
    }

    @SuppressWarnings("unused") // ENTER
    private static Frame enter(Slot slot) {
        ThreadRecord record = CURRENT.get();
        if (record == null) {
            record = new ThreadRecord();
            CURRENT.set(record);
        }
        int depth = record.depth;
        Frame[] frames = record.frames;
        if (depth >= frames.length) {
            if (depth >= Limits.NESTING) {
                return Frame.TOO_DEEP;
            }
            frames = record.grow();
        }
        Frame frame = frames[depth];
        long stamp = record.begun + 1;
        BEGUN.setOpaque(record, stamp);
        frame.hold(slot.id, stamp);
        record.depth = depth + 1;
        return frame;
    }

    private Frame[] grow() {
        int old = frames.length;
        Frame[] grown = Arrays.copyOf(frames, Math.min(2 * old, Math.max(old + 1, Limits.NESTING)));
        for (int level = old; level < grown.length; level++) {
            grown[level] = new Frame(this, level);
        }
        frames = grown;
        return grown;
    }

    /** On each outermost call of a native thread: what the last one left behind is not this one's. */
    void dress(@Nullable ClassLoader loader) {
        if (attached) {
            if (loader != null && thread.getContextClassLoader() != loader) {
                thread.setContextClassLoader(loader);
            }
            boolean ignored = Thread.interrupted();
        }
    }

    /** Cold: any thread. */
    long begun() {
        return (long) BEGUN.getOpaque(this);
    }

    /** Cold: any thread, after a heavy barrier. */
    boolean awaitLeft(int slot, long deadline) {
        for (Frame frame : frames) {
            long held = frame.held();
            int looks = 0;
            while (Frame.isOf(held, slot) && frame.held() == held) {
                if (!thread.isAlive()) {
                    break; // it ended inside, by pthread_exit
                }
                if (System.nanoTime() - deadline >= 0) {
                    return false;
                }
                if (++looks < 100) {
                    Thread.onSpinWait();
                } else {
                    LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(50));
                }
            }
        }
        return true;
    }

    /** Cold: any thread. */
    boolean isInside(int slot) {
        for (Frame frame : frames) {
            if (Frame.isOf(frame.held(), slot)) {
                return true;
            }
        }
        return false;
    }

    /** Cold: any thread. A call that begins just now sets its own loader again. */
    void forget(ClassLoader loader) {
        if (attached && thread.getContextClassLoader() == loader) {
            thread.setContextClassLoader(ClassLoader.getSystemClassLoader());
        }
    }
}
