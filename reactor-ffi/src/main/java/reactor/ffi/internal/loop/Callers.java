package reactor.ffi.internal.loop;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import reactor.ffi.NativeCall;

/**
 * How a thread gets a call run under a turn that it does not have: queued for the owner, or on a borrowed turn.
 *
 * <p>A thread has one turn at most: a thread that enters another scheduler lends the turn that it has until it is back. So nobody
 * waits for a turn with another one in hand, and schedulers that call each other do not deadlock.
 */
public final class Callers {

    /** How often a caller spins before it sleeps: longer than an answer takes when both sides are awake. */
    private static final int SPINS = Runtime.getRuntime().availableProcessors() == 1 ? 0 : 500;

    private final LoopThread thread;
    private final Turn turn;
    private final Idle idle;
    private final Lifecycle lifecycle;
    private final int max;
    private final long warnAfter;

    /** How many turns of the loop found work. */
    private final LongSupplier turns;

    /**
     * The value that {@link #moves} had while a caller waited in vain for its whole limit; -1 if no caller
     * has. While {@code moves} keeps that value, no caller need wait as long again.
     */
    private volatile long stuckAt = -1;

    /** When the caller of {@link #stuckAt} began to wait, in nanoTime. Written before {@code stuckAt}. */
    private volatile long stuckSince;

    /** Threads inside {@link #waitFor}: no more than {@code max}. */
    private final AtomicInteger waiting = new AtomicInteger();

    Callers(LoopThread thread, LongSupplier turns, Lifecycle lifecycle, int max) {
        this.thread = thread;
        this.turn = thread.turn();
        this.idle = thread.idle();
        this.turns = turns;
        this.lifecycle = lifecycle;
        this.max = max;
        this.warnAfter = thread.warnAfterNanos();
    }

    /**
     * Runs a call under the turn, and waits for it: there and then if the caller has the turn; on a turn that is taken back if
     * it is the scheduler's thread inside a lend; else on the scheduler's thread, or by the caller while the turn is
     * lent. The turn of
     * another scheduler that the caller has is lent meanwhile. Any thread; the wait is uninterruptible.
     *
     * @param call made by the calling thread, for this one use
     * @param limit how long to wait for the turn, in ns; once the call has begun, it is waited for
     * @param wake whether to wake a sleeping scheduler; if not, the call runs at its next turn
     * @return true if it was run; false if the limit has passed, too many wait already, or the scheduler is disposed: it was
     *     not run and never will be
     */
    public boolean call(TurnCall call, long limit, boolean wake) {
        if (turn.isCurrent()) {
            if (call.claim()) {
                call.perform();
            }
            return true;
        }
        Turn held = Turn.held();
        return held == null ? enter(call, limit, wake) : held.callBlocking(() -> enter(call, limit, wake));
    }

    private boolean enter(TurnCall call, long limit, boolean wake) {
        if (turn.isOwner()) {
            return nested(call, deadline(System.nanoTime(), limit));
        }
        try {
            return (turn.isLent() && turn.tryBorrow() && runBorrowed(call)) || waitFor(call, limit, wake);
        } finally {
            turn.giveBack();
        }
    }

    private static long deadline(long now, long limit) {
        return now + Math.min(limit, Long.MAX_VALUE >> 1);
    }

    /** Runs a callback on top of a lend of the owner: the turn is taken back for the callback. */
    private boolean nested(TurnCall call, long deadline) {
        Turn.secureWayBack();
        if (!turn.takeBack(deadline)) {
            return false;
        }
        try {
            if (call.claim()) {
                call.perform();
            }
            return true;
        } finally {
            turn.lend();
        }
    }

    private boolean waitFor(TurnCall call, long limit, boolean wake) {
        if (waiting.getAndAdd(1) >= max) {
            waiting.getAndAdd(-1);
            call.markRefused();
            return false;
        }
        boolean interrupted = false;
        boolean warned = false;
        boolean queued = false;
        try {
            if (!turn.isLent()) {
                boolean soon = idle.isAwake(); // to spin would keep the processor from a thread that has to be woken
                queued = true;
                queue(call, wake);
                if (soon) {
                    spin(call); // mostly it is answered here, before the time would be known
                }
            }
            if (call.isDone()) {
                return true;
            }
            Turn.secureWayBack(); // from a sleep that others know of
            long from = System.nanoTime();
            long deadline = deadline(from, limit);
            long moves = moves();
            while (!call.isDone() && !call.isWithdrawn()) {
                long until = warned || deadline - from <= warnAfter ? deadline : from + warnAfter;
                if (call.isWaiting() && turn.awaitBorrow(until, call) && runBorrowed(call)) {
                    break;
                }
                if (!queued) {
                    queued = true;
                    queue(call, wake);
                    continue;
                }
                long now = System.nanoTime();
                if (now - deadline >= 0 && call.withdraw()) {
                    brake(moves, from);
                    idle.wake(); // to let go of it
                    break;
                }
                if (!warned && now - from >= warnAfter) {
                    warned = true;
                    Watch.warn(
                            call.isWaiting() ? "a call waits for its turn" : "a call waits for the end of its handler",
                            Thread.currentThread(),
                            thread,
                            now - from);
                }
                long rest = call.isWaiting() ? deadline - now : Long.MAX_VALUE;
                interrupted |= sleep(call, warned ? rest : Math.min(rest, warnAfter - (now - from)));
            }
            return call.isDone();
        } catch (Throwable e) { // no memory, or no stack
            awaitOver(call);
            throw e;
        } finally {
            waiting.getAndAdd(-1); // by the call of above, for which there was enough of the stack
            call.finishWait();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Returns a number that grows with each turn that the loop has ended, and with each lend of the turn. */
    private long moves() {
        return turns.getAsLong() + turn.lends();
    }

    /**
     * Remembers that a caller has waited in vain since {@code from}, if the loop has not moved meanwhile. A
     * loop that sleeps is not stuck: the call did not wake it.
     */
    private void brake(long moves, long from) {
        if (moves != moves() || turn.isLent() || !idle.isAwake() || stuckAt == moves) {
            return;
        }
        stuckSince = from;
        stuckAt = moves;
        long waited = System.nanoTime() - from;
        if (waited < warnAfter) {
            return; // each that is refused says why
        }
        Watch.warn(
                "callers are refused at once from now on, until the scheduler's thread has ended what it is in. If that is a"
                        + " native call which waits for its own callbacks, make it inside CallbackScheduler.callBlocking."
                        + " A call has waited for its turn in vain",
                Thread.currentThread(),
                thread,
                waited);
    }

    /**
     * Returns whether a call with that limit had better not wait: the limit of an earlier one has passed, and the scheduler's
     * thread has not ended what it was in since before that one came. Any thread.
     *
     * @param limit the limit of the call that would wait, in ns
     * @return true until the turn moves, or is lent
     */
    public boolean isStuck(long limit) {
        long at = stuckAt;
        return at >= 0 && at == moves() && !turn.isLent() && System.nanoTime() - stuckSince >= limit;
    }

    private void queue(TurnCall call, boolean wake) {
        turn.queue(call, wake);
        if (lifecycle.isDisposed()) { // no thread may be left to refuse the call
            call.withdraw();
        }
    }

    /** Spins until the call is over, or may be run on a borrowed turn, or the thread had better sleep. */
    private void spin(TurnCall call) {
        boolean schedulers = Thread.currentThread() instanceof LoopThread;
        for (int i = 0; i < SPINS; i++) {
            if (call.isDone() || call.isWithdrawn() || (turn.isLent() && call.isWaiting())) {
                return;
            }
            if (schedulers) {
                LoopThread.spinLent();
            } else {
                Thread.onSpinWait();
            }
        }
    }

    /**
     * Waits until no thread uses the call and its arguments any more, because the caller leaves with an error.
     * Needs no memory.
     */
    private static void awaitOver(TurnCall call) {
        boolean interrupted = false;
        while (!call.withdraw() && !call.isDone() && !call.isWithdrawn()) {
            LockSupport.parkNanos(1_000_000);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Sleeps until the call has moved on or can be run on a borrowed turn; returns whether the thread was
     * interrupted meanwhile.
     */
    private boolean sleep(TurnCall call, long nanos) {
        boolean waits = call.isWaiting();
        call.announce();
        if (!hasMoved(call, waits)) {
            LoopThread.parkNanos(turn, nanos);
        }
        call.awake();
        return Thread.interrupted();
    }

    private boolean hasMoved(TurnCall call, boolean waits) {
        return waits ? turn.isLent() || !call.isWaiting() : call.isDone() || call.isWithdrawn();
    }

    /**
     * Takes the turn, if it is lent and free just now. On a thread that does not have it, and that calls {@link Turn#giveBack}
     * afterwards in any case. The owner on top of its own lend gets false: it takes the turn back by {@link #call}, so that what it
     * lends again it lends as the owner.
     *
     * @return true if the caller may go on as one that has the turn
     */
    public boolean tryBorrow() {
        if (!turn.isLent() || turn.isOwner() || Turn.held() != null || !turn.tryBorrow()) {
            return false;
        }
        if (!turn.isLent()) {
            turn.giveBack();
            return false;
        }
        return true;
    }

    /** Runs the call with the baton in hand, and gives the baton back; returns false if another thread has the call. */
    private boolean runBorrowed(TurnCall call) {
        try {
            if (!turn.isLent() || !call.claim()) {
                return false;
            }
            try {
                call.perform();
            } catch (Throwable noStack) { // no other thread has claimed the call, or will end it
                call.state = TurnCall.DONE;
                throw noStack;
            }
            return true;
        } finally {
            turn.giveBack();
        }
    }

    /**
     * Runs something that waits for another thread, with the turn lent that the calling thread has, of any scheduler.
     *
     * @param call what waits
     * @param <R> the type of its result
     * @return what it returns
     */
    public static <R extends @Nullable Object> R lendHeld(NativeCall<R> call) {
        Turn held = Turn.held();
        return held == null ? Turn.call(call) : held.callBlocking(call);
    }
}
