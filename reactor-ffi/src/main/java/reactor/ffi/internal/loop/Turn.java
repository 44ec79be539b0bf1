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
 * The loop's thread holds the turn from its first moment, and gives it up only around a call that may wait for threads
 * that call back. So nothing on the way of an event takes a lock.
 *
 * <h2>Lending</h2>
 * The owner sets {@code lent}, fences, wakes each caller that is queued and each producer that waits for room, and
 * releases the baton. A borrower takes it, runs, gives it back; a thread that gets the baton and finds {@code lent} cleared gives it
 * back at once, and queues. To end the lend the owner clears {@code lent}, so that no further borrower starts, and takes
 * the baton; it waits for the one borrower that is inside, never for all of them.
 *
 * <h2>Resuming</h2>
 * A borrower that lends in its turn releases the baton. Afterwards it takes it if it is free. If not, the lend may be
 * over: it queues a {@link Requests.Resume resume}, and the owner hands it the baton between two tasks, until its handler ends.
 *
 * <h2>The end of the stack</h2>
 * To give the turn away needs less of the stack than to get it back. So a thread that is to get the turn back makes sure, before it gives
 * the turn away, that the stack has room: {@link #secureWayBack}. A borrower has to give back only, which needs next
 * to nothing, and does
 * so wherever it leaves: {@link #giveBack}.
 *
 * <p>Two other ways were tried and failed: to run the queued calls first and then lend overlaps, as a call may itself lend;
 * to end a lend by waiting for all borrowers starves.
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
