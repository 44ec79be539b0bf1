package reactor.ffi.internal.loop;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The sources that the loop looks at. A newly active one arrives on a lock-free stack that allocates nothing; from there
 * the loop's thread takes it into its array, and looks at it in every pass until it has been empty for a while.
 */
public final class Sources {

    /** No source has the thread for longer than this many items. */
    static final int BUDGET = 256;

    /**
     * In how many passes in a row a source has to be empty to become idle. To look at an empty source costs
     * little; to make it active again costs its producer a CAS on a cache line that all producers share.
     */
    private static final int PATIENCE = 64;

    private static final VarHandle READY = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "ready", VarHandle.class, Sources.class, LoopSource.class);

    private final Idle idle;

    /** Top of the stack of sources that became active, linked by {@code next}. Each is in it at most once. */
    @SuppressWarnings("unused")
    private volatile @Nullable LoopSource ready;

    /**
     * What was taken off the stack and is not yet in the array. A field, so that no memory for the array loses nothing. Accessed by
     * the loop's thread only.
     */
    private @Nullable LoopSource arriving;

    /** The ACTIVE sources that have left the stack: [0, count). Accessed by the loop's thread only. */
    private LoopSource[] active = new LoopSource[8];

    /**
     * In how many passes in a row each of {@code active} was empty. Here and not in the source, whose producers would feel the
     * writes. Accessed by the loop's thread only.
     */
    private int[] empty = new int[8];

    /** How many sources are in {@code active}. Accessed by the loop's thread only. */
    private int count;

    Sources(Idle idle) {
        this.idle = idle;
    }

    /**
     * Pushes a source on the stack. By the thread that made the source ACTIVE, and that calls {@link #wake}
     * then. The source is on the stack if this returns, and not if this throws.
     */
    void push(LoopSource source) {
        LoopSource top;
        do {
            top = (LoopSource) READY.getOpaque(this);
            source.next = top;
        } while (!READY.compareAndSet(this, top, source));
    }

    /** Wakes the loop's thread. Any thread, after a push. */
    void wake() {
        VarHandle.fullFence();
        idle.wake();
    }

    /** Returns whether a source waits to be taken in. Loop's thread only. */
    boolean hasReady() {
        return ready != null || arriving != null;
    }

    /** Drains each active source once; returns whether that did anything. */
    boolean drain() {
        if (READY.getOpaque(this) != null || arriving != null) {
            takeIn();
        }
        boolean did = false;
        for (int i = 0; i < count; i++) {
            LoopSource source = active[i];
            if (drain(source)) {
                did = true;
                if (empty[i] != 0) {
                    empty[i] = 0;
                }
            } else if (++empty[i] >= PATIENCE) {
                empty[i] = 0;
                source.idle();
                VarHandle.fullFence();
                if (!hasWork(source) || !source.activate()) { // not activated: a producer was faster and pushed it
                    remove(i--);
                }
            }
        }
        return did;
    }

    /** Makes all active sources idle, before the thread sleeps; returns false if a source has work after all. */
    boolean quiesce() {
        if (count == 0) {
            return true;
        }
        for (int i = 0; i < count; i++) {
            active[i].idle();
        }
        VarHandle.fullFence();
        boolean quiet = true;
        for (int i = count - 1; i >= 0; i--) {
            LoopSource source = active[i];
            if (hasWork(source)) {
                quiet = false;
                if (source.activate()) {
                    continue;
                }
            }
            remove(i);
        }
        return quiet;
    }

    private void takeIn() {
        if (arriving == null) {
            arriving = (LoopSource) READY.getAndSet(this, null);
        }
        LoopSource source;
        while ((source = arriving) != null) {
            if (count == active.length) {
                active = Arrays.copyOf(active, count << 1);
                empty = Arrays.copyOf(empty, count << 1);
            }
            empty[count] = 0;
            active[count++] = source;
            arriving = source.next;
            source.next = null;
        }
    }

    @SuppressWarnings("NullAway") // the array beyond count holds nothing, so that an idle source can be collected
    private void remove(int i) {
        int last = --count;
        active[i] = active[last];
        empty[i] = empty[last];
        active[last] = null;
    }

    private static boolean drain(LoopSource source) {
        try {
            return source.drain(BUDGET);
        } catch (Throwable e) { // a source handles its own; whatever passes must not end the thread
            Errors.report(e);
            return true;
        }
    }

    private static boolean hasWork(LoopSource source) {
        try {
            return source.hasWork();
        } catch (Throwable e) {
            Errors.report(e);
            return false;
        }
    }
}
