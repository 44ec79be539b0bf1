package reactor.ffi.internal.loop;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The state of a scheduler, which is open, then disposed, then terminated, and the sources that have to be detached
 * before the last step.
 */
final class Lifecycle {

    private static final int OPEN = 0;
    private static final int DISPOSED = 1;
    private static final int TERMINATED = 2;

    /** Completes when the thread has ended. */
    final CompletableFuture<Void> ended = new CompletableFuture<>();

    @GuardedBy("this")
    private final Set<LoopSource> attached = new LinkedHashSet<>();

    /** The size of {@code attached}. Written under the lock of this, read by any thread. */
    private volatile int sources;

    /** Written under the lock of this, so that nothing is attached after the dispose; read by any thread. */
    private volatile int state = OPEN;

    /** Whether tasks of users that are queued are dropped and not run. Written under the lock of this, before {@code state}. */
    private volatile boolean dropping;

    /** Disposes of the scheduler, which takes nothing new from now on; returns false if it was disposed already. */
    synchronized boolean dispose(boolean drop) {
        dropping |= drop;
        if (state != OPEN) {
            return false;
        }
        state = DISPOSED;
        return true;
    }

    synchronized void terminate() {
        state = TERMINATED;
    }

    boolean isDisposed() {
        return state != OPEN;
    }

    boolean isTerminated() {
        return state == TERMINATED;
    }

    /** Returns whether the scheduler is disposed, and no source is attached any more. */
    boolean isOver() {
        return state != OPEN && sources == 0;
    }

    /**
     * Returns whether a user's task that comes out of the queue is dropped. Once disposed, delayed and periodic
     * tasks are dropped in any case.
     */
    boolean drops(boolean timed) {
        return state != OPEN && (dropping || timed);
    }

    synchronized boolean attach(LoopSource source) {
        if (state != OPEN) {
            return false;
        }
        attached.add(source);
        sources = attached.size();
        return true;
    }

    synchronized void detach(LoopSource source) {
        attached.remove(source);
        sources = attached.size();
        notifyAll();
    }

    /** Waits until none of these sources is attached, or {@link System#nanoTime} has come to the deadline. */
    synchronized void awaitDetached(Collection<LoopSource> these, long deadline) throws InterruptedException {
        for (long left = deadline - System.nanoTime();
                left > 0 && !Collections.disjoint(attached, these);
                left = deadline - System.nanoTime()) {
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
    }

    int sources() {
        return sources;
    }

    synchronized List<LoopSource> attached() {
        return List.copyOf(attached);
    }

    /**
     * Calls the action for each source that is attached now, outside of the lock. An error of one source is
     * reported, and does not keep the action from the others.
     */
    void each(Consumer<LoopSource> action) {
        if (sources == 0) {
            return;
        }
        for (LoopSource source : attached()) {
            try {
                action.accept(source);
            } catch (Throwable e) {
                Errors.report(e);
            }
        }
    }
}
