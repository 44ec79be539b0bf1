package reactor.ffi.internal.upcall;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.WeakReference;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The upcalls that one thread is inside of, as a small stack of frames, one for each upcall on the thread's Java stack.
 * Written by that thread only; other threads read it after a {@link HeavyBarrier}. The record also limits how deep
 * upcalls nest, and gives native threads their name, class loader and interrupt flag.
 */
final class ThreadRecord extends WeakReference<Thread> {

    /** {@code (LastCaller)Frame}: the frame of the call that comes now. */
    static final MethodHandle NEXT;

    /** {@code (LastCaller, LastCaller)Frame}: the same, of a call of a shared stub. */
    static final MethodHandle NEXT_ROUTED;

    private static final ThreadLocal<@Nullable ThreadRecord> CURRENT = new ThreadLocal<>();
    private static final VarHandle BEGUN = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "begun", VarHandle.class, ThreadRecord.class, long.class);

    /**
     * The context class loader of native threads between calls: a user's class loader could not be collected while they
     * live.
     */
    private static final ClassLoader NEUTRAL = ClassLoader.getSystemClassLoader();

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            NEXT = lookup.findStatic(ThreadRecord.class, "next", methodType(Frame.class, LastCaller.class));
            NEXT_ROUTED = lookup.findStatic(
                    ThreadRecord.class, "nextRouted", methodType(Frame.class, LastCaller.class, LastCaller.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /**
     * Whether the bottom of this thread's stack is an upcall. Only such a thread gets a name, a class loader and an
     * interrupt flag; other threads belong to the application.
     */
    private final boolean attached = isAttached(Thread.currentThread());

    /** The frame of an outermost call, {@code frames[0]}. */
    private final Frame outermost = new Frame(this, 0);

    /** The frames by level. Replaced by a longer array when a call nests deeper. */
    private volatile Frame[] frames;

    /** How many frames are in use. Accessed by the thread itself only. */
    private int depth;

    /** Whether the thread has a context class loader that it must not keep after its outermost call. */
    private boolean dressed;

    /** How many calls have begun here; the stamp of a frame. */
    private long begun;

    /** How many calls of this thread did not find this record where they looked first. Only the thread itself reads it. */
    private int misses;

    /** Weak: the record of a dead thread, which a sweep or a slot keeps for a while, must not keep its context class loader. */
    private ThreadRecord() {
        super(Thread.currentThread());
        frames = new Frame[] {outermost, new Frame(this, 1)};
    }

    /**
     * Links the methods that the first call of a native thread needs. Linking takes tens of milliseconds, in which a
     * source that starts a thread for each event would start hundreds that wait.
     */
    static void prepare() {
        isUpcallsOnly();
        PthreadName.current();
        NativeThreads.known(); // its static initialiser
        Binding.whyTooDeep("", 0); // at the end of the stack there is no room to link this method
    }

    private static ThreadRecord create() {
        ThreadRecord record = new ThreadRecord();
        long number = NativeThreads.enlist(record);
        CURRENT.set(record);
        if (record.attached) {
            Thread.currentThread().setName(PthreadName.current() + " (native-" + number + ")");
        }
        return record;
    }

    /**
     * Returns whether the JVM has attached a native thread. Such a thread is a daemon without a context class loader. A
     * Java thread can be so too, but other frames lie below its upcall.
     */
    private static boolean isAttached(Thread thread) {
        return thread.getContextClassLoader() == null && thread.isDaemon() && !thread.isVirtual() && isUpcallsOnly();
    }

    private static boolean isUpcallsOnly() {
        return StackWalker.getInstance().walk(stack -> stack.allMatch(ThreadRecord::isUpcall));
    }

    /** Returns whether a frame belongs to an upcall. The hidden frames of method handles are not walked. */
    private static boolean isUpcall(StackWalker.StackFrame frame) {
        return frame.getClassName().startsWith("reactor.ffi.internal.upcall.")
                || frame.getClassName().startsWith("java.lang.invoke.");
    }

    /** Changes nothing that would have to be undone. */
    @SuppressWarnings("unused") // NEXT
    private static Frame next(LastCaller slot) {
        Thread thread = Thread.currentThread();
        ThreadRecord record = (ThreadRecord) slot.recordOf(thread);
        if (record == null) {
            record = find();
            slot.remember(record, thread, ++record.misses);
        }
        return record.depth == 0 ? record.outermost : record.nested();
    }

    /**
     * As {@link #next}, of a call of a shared stub. The stub remembers one thread for all its slots, so that a thread that calls
     * thousands of them finds its record at once, and while it finds the slot. Where many threads call the stub, each finds its
     * record in the slot that it has called before.
     */
    @SuppressWarnings("unused") // NEXT_ROUTED
    private static Frame nextRouted(LastCaller slot, LastCaller stub) {
        Thread thread = Thread.currentThread();
        ThreadRecord record = (ThreadRecord) stub.recordOf(thread);
        if (record == null) {
            record = (ThreadRecord) slot.recordOf(thread);
            if (record == null) {
                record = find();
            }
            int misses = ++record.misses;
            stub.remember(record, thread, misses);
            slot.remember(record, thread, misses);
        }
        return record.depth == 0 ? record.outermost : record.nested();
    }

    private static ThreadRecord find() {
        ThreadRecord record = CURRENT.get();
        return record == null ? create() : record;
    }

    private Frame nested() {
        int level = depth;
        Frame[] frames = this.frames;
        return level < frames.length ? frames[level] : grow()[level];
    }

    private Frame[] grow() {
        int old = frames.length;
        Frame[] grown = Arrays.copyOf(frames, 2 * old);
        for (int level = old; level < grown.length; level++) {
            grown[level] = new Frame(this, level);
        }
        frames = grown;
        return grown;
    }

    boolean isTooDeep(int level) {
        return frames[level].isTooDeep();
    }

    /** Begins a call at a level; returns the stamp of the call. */
    long begin(int level) {
        depth = level + 1;
        long stamp = begun + 1;
        BEGUN.setOpaque(this, stamp);
        return stamp;
    }

    /** Ends a call at a level, and calls above it that could not leave because the stack was full. */
    void end(int level) {
        for (int above = depth - 1; above > level; above--) {
            frames[above].release();
        }
        depth = level;
        if (level == 0 && dressed) {
            dressed = false;
            Thread.currentThread().setContextClassLoader(NEUTRAL);
        }
    }

    /**
     * Gives an attached thread the class loader of a call, and clears the interrupt flag that an earlier call may have
     * left. Called at each outermost call.
     */
    @SuppressWarnings("ReferenceEquality") // a class loader is what it is
    void dress(@Nullable ClassLoader loader) {
        if (attached) {
            if (loader != null) {
                Thread thread = Thread.currentThread();
                if (thread.getContextClassLoader() != loader) {
                    thread.setContextClassLoader(loader);
                }
                dressed = loader != NEUTRAL;
            }
            boolean _ = Thread.interrupted();
        }
    }

    /** Returns whether this record is that of a thread. Any thread; cold. */
    boolean isOf(Thread other) {
        return refersTo(other);
    }

    /** Returns whether the thread of this record lives. Any thread; cold. */
    boolean isAlive() {
        Thread thread = get();
        return thread != null && thread.isAlive();
    }

    long begun() {
        return (long) BEGUN.getOpaque(this);
    }

    /** Adds the calls that are inside a slot. */
    void addCalls(int slot, List<Call> inside) {
        for (Frame frame : frames) {
            long held = frame.held();
            if (Frame.isOf(held, slot)) {
                inside.add(new Call(this, frame, held));
            }
        }
    }

    /** Adds the slots that calls are inside of; those of a dead thread are over. */
    void addHeld(Set<Integer> slots) {
        for (Frame frame : frames) {
            long held = frame.held();
            if (held != 0 && isAlive()) {
                slots.add(Frame.slot(held));
            }
        }
    }

    /**
     * A call that was seen inside.
     *
     * @param record the record of the call's thread
     * @param frame the frame of the call
     * @param held the value of the frame, which no later call has
     */
    record Call(ThreadRecord record, Frame frame, long held) {

        /**
         * Returns whether the call has left, or its thread is dead: on a full stack a call cannot say that it leaves. A
         * call that pthread_exit has ended seems to live on.
         */
        boolean isOver() {
            return frame.held() != held || !record.isAlive();
        }
    }
}
