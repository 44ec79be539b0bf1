package reactor.ffi.internal.loop;

import java.lang.invoke.VarHandle;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import reactor.core.Exceptions;
import reactor.ffi.NativeCall;
import reactor.ffi.internal.InvokeExact;
import reactor.ffi.internal.StackProbe;

/**
 * The right to run on a scheduler.
 *
 * <h2>The owner</h2>
 * The loop's thread owns the turn. It holds the {@link Baton}, which is the lock under the turn, from its first moment, and
 * gives it up only around a call that may wait for threads that call back. So no event takes a lock on its way.
 *
 * <h2>Why a turn is lent</h2>
 * A native function that stops a library joins the library's threads. One of these may be inside an answered callback just
 * then, and wait until the scheduler's thread runs the handler, while the scheduler's thread waits for the join: neither
 * would ever go on. In {@link #callBlocking} the owner therefore lends the turn. The threads that wait for an answer borrow
 * it, one after the other, and run their handlers themselves. Handlers still never overlap, and each sees what the one
 * before has written, because the baton passes from thread to thread.
 *
 * <h2>The beginning of a lend</h2>
 * The owner sets {@code lent}, fences, wakes each caller that is queued and each producer that waits for room in a queue,
 * and releases the baton. A thread that is about to sleep does the same in the other order: it says that it sleeps ({@link
 * TurnCall#announce}, {@link #waitsForRoom}), fences, and looks at {@code lent}. With both fences at least one of the two
 * sees the other, so no thread sleeps through a lend. A caller that is awake takes the baton, claims its own call by a
 * compare-and-set, runs it, and gives the baton back; a call that the owner has claimed before is not run twice. A producer
 * does not wait for room while the turn is lent, because the only thread that makes room is inside the native call.
 *
 * <h2>The end of a lend</h2>
 * The owner clears {@code lent}, fences, wakes the threads that wait for the baton, and takes the baton. A borrower may
 * have seen {@code lent} just before, and get the baton just after it was cleared. So each borrower looks once more with the
 * baton in hand; if the lend is over, it gives the baton back, and leaves its call to the owner's queue. From the moment
 * that {@code lent} is cleared no borrower begins to run, and the owner waits for the one that is inside, never for all
 * that would like to be. The race {@code LendingAgainstEnding} looks for two that run at once.
 *
 * <h2>Lends on top of lends</h2>
 * A callback may come on the owner's own stack, from inside the call that the owner has lent the turn for. Then the owner
 * takes the turn back, as at the end of a lend, and lends it again when the handler has returned.
 *
 * <p>A borrower may lend in its turn: its handler calls {@link #callBlocking}. It releases the baton, and afterwards takes
 * the baton if that is free. If it is not, the owner's lend may be over, and a borrower that waited for the baton would
 * wait for the owner's whole life. So it queues a {@link Requests.Resume resume}; the owner hands it the baton between two
 * tasks, and waits until its handler ends. For as long as this takes, {@code lent} is false and the owner does not run.
 *
 * <h2>The end of the stack</h2>
 * To give the turn away needs less of the stack than to get it back. So a thread that is to get the turn back makes sure,
 * before it gives the turn away, that the stack has room: {@link #secureWayBack}. A borrower has to give back only, which
 * needs next to nothing, and does so wherever it leaves: {@link #giveBack}.
 *
 * <h2>Two ways that failed</h2>
 * To run the queued calls first and then lend overlaps, as one of these calls may itself lend. To end a lend by waiting for
 * all borrowers starves the owner, as new ones keep coming.
 */
@SuppressWarnings("ReferenceEquality") // a thread is the same one or another
public final class Turn {

    /**
     * The turn that a thread has borrowed last. The thread may have given that turn back, or lent it, since:
     * the turn's baton says whether the thread has it.
     */
    private static final class Borrowed {
        @Nullable
        Turn turn;
    }

    private static final ThreadLocal<Borrowed> BORROWED = ThreadLocal.withInitial(Borrowed::new);

    /** Several times what it takes to wait for the baton, and to wake others, compiled or not. */
    private static final int FRAMES = 64;

    private final Baton baton;
    private final Idle idle;

    /** The loop's thread; in the shutdown hook, if that thread is the one that ends the JVM, the hook's. */
    private volatile Thread owner;

    /** True just while the owner is inside its callBlocking, and not in a callback on top of that. Written by the owner. */
    private volatile boolean lent;

    /** How often the turn was lent. Written by the owner. */
    private volatile long lends;

    private final Requests requests = new Requests();

    /** Producers that wait for room in a queue of this scheduler, and must not while it is lent. */
    private final Set<Thread> waitForRoom = ConcurrentHashMap.newKeySet();

    Turn(Thread thread, Idle idle) {
        this.owner = thread;
        this.baton = new Baton(thread);
        this.idle = idle;
    }

    /** Returns the turn that the calling thread has; a thread has one at most. */
    static @Nullable Turn held() {
        if (Thread.currentThread() instanceof LoopThread thread && thread.turn().isCurrent()) {
            return thread.turn();
        }
        Turn last = BORROWED.get().turn;
        return last != null && last.isCurrent() ? last : null;
    }

    boolean isCurrent() {
        return baton.isMine();
    }

    /**
     * Returns whether the turn is lent at this moment. Any thread: a producer that is about to wait for room looks after
     * {@link #waitsForRoom}.
     *
     * @return true while the scheduler's thread is inside callBlocking
     */
    public boolean isLent() {
        return lent;
    }

    /**
     * Returns the number of the lend during which the owner does not have its turn, or zero if the owner has it. Any thread.
     *
     * @return not zero while the scheduler's thread is inside callBlocking, or a borrower still runs that had the turn then
     */
    public long absence() {
        return baton.isHeldBy(owner) ? 0 : lends;
    }

    /** Returns how often the turn was lent. Any thread. */
    long lends() {
        return lends;
    }

    boolean isOwner() {
        return owner == Thread.currentThread();
    }

    /**
     * Makes sure that the stack has room to take the turn back: a StackOverflowError comes here, or not before
     * the turn is back.
     */
    static void secureWayBack() {
        StackProbe.use(FRAMES);
    }

    /**
     * Runs a call, with the turn lent if the caller has it. After the call the caller has the turn again,
     * whatever was thrown.
     */
    <R extends @Nullable Object> R callBlocking(NativeCall<R> call) {
        if (!isCurrent()) {
            return call(call);
        }
        secureWayBack();
        if (isOwner()) {
            try {
                lend();
                return call(call);
            } finally {
                takeBack();
            }
        }
        Requests.Resume resume = new Requests.Resume(); // made first: without a resume there is no way back
        try {
            baton.release();
            return call(call);
        } finally {
            resume(resume);
        }
    }

    static <R extends @Nullable Object> R call(NativeCall<R> call) {
        try {
            return call.call();
        } catch (Error e) {
            throw e;
        } catch (Throwable e) {
            throw Exceptions.propagate(InvokeExact.explained(e)); // a RuntimeException as it is
        }
    }

    /** By the owner, which holds the baton. */
    void lend() {
        open();
        baton.release();
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // one thread writes
    private void open() {
        lends++;
        lent = true;
        VarHandle.fullFence();
        requests.wakeCallers();
        waitForRoom.forEach(LockSupport::unpark);
    }

    /**
     * Says that the calling thread is about to wait, asleep, for room in a queue of this scheduler. Either {@link #isLent} is true
     * after this call, or a lend from here on unparks the thread. Called before each sleep; {@link #waitsNoMore} ends it.
     */
    public void waitsForRoom() {
        waitForRoom.add(Thread.currentThread());
        VarHandle.fullFence();
    }

    /** The opposite of {@link #waitsForRoom}. On the same thread. */
    public void waitsNoMore() {
        waitForRoom.remove(Thread.currentThread());
    }

    /** Ends a lend, also one that has failed half-way. By the owner. */
    void takeBack() {
        takeBack(Baton.NEVER);
    }

    /**
     * Ends a lend; returns false, with the turn still lent, if a borrower was inside until the deadline. By the
     * owner.
     */
    boolean takeBack(long deadline) {
        lent = false;
        VarHandle.fullFence();
        if (baton.isMine()) {
            return true;
        }
        baton.wakeAll(); // borrowers that wait for the baton: to the queue
        if (baton.take(deadline)) {
            return true;
        }
        open();
        return false;
    }

    private void resume(Requests.Resume resume) {
        BORROWED.get().turn = this;
        if (!baton.isMine() && !baton.tryTake()) {
            requests.add(resume);
            idle.wake();
            baton.take();
        }
        resume.done = true;
    }

    /** Takes the baton if it is free. The caller then looks whether the turn is still lent. */
    boolean tryBorrow() {
        Borrowed borrowed = BORROWED.get();
        borrowed.turn = this; // before: with the baton in hand, nothing may fail
        if (baton.tryTake()) {
            return true;
        }
        borrowed.turn = null;
        return false;
    }

    /** Waits for the baton while the turn is lent and the call is not run by somebody else. Then as {@link #tryBorrow}. */
    boolean awaitBorrow(long deadline, TurnCall call) {
        if (!lent) {
            return false;
        }
        BORROWED.get().turn = this;
        try {
            return baton.take(deadline, () -> {
                call.announce(); // who withdraws it wakes this thread
                return lent && call.isWaiting();
            });
        } finally {
            call.awake();
        }
    }

    /** Ends a borrowing, also one that has not come to anything, or that an Error has ended half-way. On the borrowing thread. */
    public void giveBack() {
        if (baton.isMine()) {
            baton.release();
            BORROWED.get().turn =
                    null; // a thread that had another turn, and lent it, sets this field when that turn is back
        }
    }

    /** Queues a call for the owner. */
    void queue(TurnCall call, boolean wake) {
        requests.add(call);
        if (wake) {
            idle.wake();
        }
    }

    boolean hasRequests() {
        return !requests.isEmpty();
    }

    /** Serves at most {@code budget} requests; returns whether there was one. By the owner, which holds the baton. */
    boolean serve(int budget) {
        boolean did = false;
        Requests.Request request;
        while (budget-- > 0 && (request = requests.poll()) != null) {
            did = true;
            if (request instanceof TurnCall call) {
                if (call.claim()) {
                    call.perform();
                }
            } else if (request instanceof Requests.Resume resume && !resume.done) {
                baton.handTo(resume.thread);
                baton.take();
            }
        }
        return did;
    }

    /** Sends the queued callers away without an answer, because the scheduler is disposed. By the owner. */
    void abandonCalls() {
        requests.abandonCalls();
    }

    /** Gives the turn up for good. By the owner. A borrower that still wants to go on finds the baton free. */
    void close() {
        abandonCalls();
        baton.release();
    }

    /**
     * Makes the calling thread the owner, or the holder, in the place of a thread that ends the JVM:
     * Runtime.exit never returns, so that thread does not go on before the calling thread has ended. Returns
     * whether the calling thread has the turn.
     */
    boolean seize(Thread stuck, long deadline) {
        BORROWED.get().turn = this;
        boolean held = baton.seize(stuck);
        if (owner == stuck) {
            owner = Thread.currentThread();
            if (!held) { // it is inside a lend
                lent = false;
                VarHandle.fullFence();
                baton.wakeAll();
                return baton.take(deadline);
            }
        }
        return held;
    }
}
