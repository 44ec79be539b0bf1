package reactor.ffi.internal.loop;

import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import reactor.core.Exceptions;
import reactor.ffi.internal.life.Hold;

/**
 * The life of a scheduler: what its thread runs from its first to its last act, which sources live on it, and how it ends.
 * {@link Lifecycle} holds the states.
 */
final class LoopLife {

    private final LoopThread thread;
    private final Loop loop;
    private final Lifecycle lifecycle;
    private final Callers callers;

    /** Holds the JVM while a count of this scheduler is above zero. */
    private final Hold hold = new Hold();

    LoopLife(LoopThread thread, Loop loop, Lifecycle lifecycle, Callers callers) {
        this.thread = thread;
        this.loop = loop;
        this.lifecycle = lifecycle;
        this.callers = callers;
    }

    Hold hold() {
        return hold;
    }

    /** Completes when the thread has ended. */
    CompletableFuture<Void> ended() {
        return lifecycle.ended;
    }

    // ---- sources

    /** As {@link LoopScheduler#attach}. */
    boolean attach(LoopSource source) {
        if (lifecycle.isDisposed()) {
            return false;
        }
        thread.idle().start();
        if (!lifecycle.attach(source)) {
            return false;
        }
        try {
            ExitHook.add(this);
        } catch (Throwable e) { // no memory
            detach(source);
            throw e;
        }
        if (ExitHook.begun()) { // after it was added: either the hook sees the source, or this sees the hook
            detach(source);
            return false;
        }
        return true;
    }

    /** As {@link LoopScheduler#detach}. */
    void detach(LoopSource source) {
        lifecycle.detach(source);
        if (lifecycle.isOver()) {
            thread.idle().wake();
        }
    }

    List<LoopSource> attached() {
        return lifecycle.attached();
    }

    void awaitDetached(Collection<LoopSource> sources, long deadline) throws InterruptedException {
        lifecycle.awaitDetached(sources, deadline);
    }

    // ---- the end

    boolean isDisposed() {
        return lifecycle.isDisposed();
    }

    /** Ends the scheduler, once: on its thread, or here if that was never started. */
    void dispose(boolean drop) {
        if (!lifecycle.dispose(drop)) {
            return;
        }
        if (lifecycle.isOver() && thread.idle().cancelStart()) {
            terminate();
            lifecycle.ended.complete(null);
        } else {
            loop.offer(new LoopTask(loop.timers(), this::end, null, true, LoopTask.ONCE));
        }
    }

    /** The loop's first act as that of a disposed scheduler. */
    private void end() {
        loop.timers().clear();
        thread.turn().abandonCalls();
        lifecycle.each(source -> source.end(rejected()));
    }

    /** What the thread runs. */
    void run() {
        loop.run();
        terminate();
        try {
            startBurial();
        } catch (Throwable e) { // no memory, or no thread: the end is told a moment too early
            lifecycle.ended.complete(null);
        }
    }

    private void terminate() {
        try {
            lifecycle.terminate();
            loop.close();
            thread.turn().close();
            ExitHook.remove(this);
        } finally {
            hold.end();
        }
    }

    /** No virtual thread: while as many of them are inside native calls as there are carriers, no other one runs. */
    private void startBurial() {
        Thread burial = new Thread(null, this::bury, "reactor-ffi-end " + thread.getName(), 0, false);
        burial.setDaemon(true);
        burial.setContextClassLoader(LoopLife.class.getClassLoader());
        burial.start();
    }

    private void bury() {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        lifecycle.ended.complete(null);
    }

    RejectedExecutionException rejected() {
        return Exceptions.failWithRejected(this + " is disposed: it takes no more work; create another");
    }

    // ---- for the hook at exit

    boolean call(TurnCall call, long limit) {
        return callers.call(call, limit, true);
    }

    Turn turn() {
        return thread.turn();
    }

    @Override
    public String toString() {
        return thread.scheduler();
    }
}
