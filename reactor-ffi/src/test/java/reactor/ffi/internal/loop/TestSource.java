package reactor.ffi.internal.loop;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/** A source as simple as one can be: a queue whose items are counted. */
class TestSource extends LoopSource {

    final Queue<Object> queue = new ConcurrentLinkedQueue<>();
    final AtomicLong drained = new AtomicLong();

    TestSource(LoopScheduler scheduler) {
        super(scheduler.loop().sources());
    }

    void offer(Object item) {
        queue.offer(item);
        signal();
    }

    @Override
    protected boolean drain(int budget) {
        int n = 0;
        while (n < budget && queue.poll() != null) {
            n++;
        }
        if (n > 0) {
            drained.lazySet(drained.get() + n);
        }
        return n > 0;
    }

    @Override
    protected boolean hasWork() {
        return !queue.isEmpty();
    }

    @Override
    protected void end(Throwable cause) {}

    @Override
    protected void exit() {}

    @Override
    protected boolean runsOn(Thread thread) {
        return false;
    }
}
