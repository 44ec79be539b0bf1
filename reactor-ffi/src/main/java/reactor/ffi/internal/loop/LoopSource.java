package reactor.ffi.internal.loop;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** The fields that producers read. Apart, so that {@link LoopSource} can put a distance behind them. */
abstract class LoopSourceFields {

    final Sources sources;

    /**
     * IDLE, ACTIVE or UNWOKEN. Producers set ACTIVE, the loop's thread sets IDLE. While the source is ACTIVE
     * the loop looks at it by itself, and a producer reads this cache line and writes nothing.
     */
    volatile int state;

    /** The link of the loop's stack of newly active sources: of the producer that set ACTIVE, then of the loop's thread. */
    @Nullable
    LoopSource next;

    LoopSourceFields(Sources sources) {
        this.sources = sources;
    }
}

/**
 * Something that the loop drains: a queue that any thread fills, and its one consumer. Extended by the streams.
 *
 * <p>A producer makes its work visible and calls {@link #signal()}. The loop's thread then calls {@link #drain} again and
 * again, for as long as that finds something and a little longer, so that in a busy time no producer pays for a wake-up.
 */
public abstract class LoopSource extends LoopSourceFields {

    static final int IDLE = 0;
    static final int ACTIVE = 1;

    /** ACTIVE, but the producer that set ACTIVE had no stack left to wake the loop. */
    private static final int UNWOKEN = 2;

    private static final VarHandle STATE = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "state", VarHandle.class, LoopSourceFields.class, int.class);

    /** What a subclass writes must not take {@code state} out of the producers' caches. */
    @SuppressWarnings({"unused", "UnusedVariable"})
    private long p0, p1, p2, p3, p4, p5, p6, p7;

    /**
     * A source of a scheduler; attach it ({@link LoopScheduler#attach}) before the first signal.
     *
     * @param sources of the loop whose thread drains it
     */
    protected LoopSource(Sources sources) {
        super(sources);
    }

    /** Says that there is work. Any thread, after it made the work visible by any kind of store. */
    public final void signal() {
        VarHandle.fullFence(); // the work before the state: the loop stores IDLE, fences, and looks for work
        if ((int) STATE.getOpaque(this) != ACTIVE) {
            activateAndWake();
        }
    }

    /**
     * As {@link #signal()}, where the work shows by an atomic update, which {@link #hasWork} reads: such an update is a full
     * fence already, and a second one is a tenth of an event. The work may be completed after the update.
     */
    public final void signalClaimed() {
        if ((int) STATE.getVolatile(this) != ACTIVE) {
            activateAndWake();
        }
    }

    /**
     * A handler may have used up the stack, and an Error come at any of these calls. Then the state says what is
     * still to be done, and the next signal does that.
     */
    private void activateAndWake() {
        if (STATE.compareAndSet(this, IDLE, ACTIVE)) {
            try {
                sources.push(this);
            } catch (Throwable noStack) {
                state = IDLE;
                throw noStack;
            }
        } else if (!STATE.compareAndSet(this, UNWOKEN, ACTIVE)) {
            return;
        }
        try {
            sources.wake();
        } catch (Throwable noStack) {
            boolean _ = STATE.compareAndSet(this, ACTIVE, UNWOKEN); // unless the loop has looked at it by itself
            throw noStack;
        }
    }

    /**
     * Handles the work that is there. Loop's thread only, never nested.
     *
     * @param budget handle no more items than this
     * @return whether it did something
     */
    protected abstract boolean drain(int budget);

    /**
     * Whether {@link #drain} would do something. Loop's thread; asked after the source was marked as idle, so that
     * work of a producer that saw it active is not missed. {@link Watch} asks too, on its own thread: an answer that is
     * not of this moment does no harm there.
     *
     * @return true if there is work
     */
    protected abstract boolean hasWork();

    /**
     * The scheduler is disposed: ends with this error, and calls {@link LoopScheduler#detach} when it has unregistered.
     * Loop's thread only, once.
     *
     * @param cause a {@code RejectedExecutionException}
     */
    protected abstract void end(Throwable cause);

    /**
     * The JVM is ending: unregisters and detaches now, unless it is on its way already; no subscriber is told. On the thread
     * that has the turn.
     */
    protected abstract void exit();

    /**
     * Whether a handler of this source, or its unregistering, is on that thread's stack.
     *
     * @param thread a thread that ends the JVM
     * @return true if {@link #exit()} could not end before that has left
     */
    protected abstract boolean runsOn(Thread thread);

    // Loop's thread only.

    final void idle() {
        STATE.setOpaque(this, IDLE);
    }

    final boolean activate() {
        return STATE.compareAndSet(this, IDLE, ACTIVE);
    }
}
