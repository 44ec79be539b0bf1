package reactor.ffi.internal.ring;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;

/**
 * How machine code wakes a scheduler: a thread that sleeps in native code, where a native thread can wake it by one system
 * call, and that passes the signal on. It is the only one of the process, a daemon, and begins with the first ring.
 *
 * <p>A producer that finds its ring idle pushes it on the bell's stack, then looks whether the thread sleeps. The thread says
 * that it is about to sleep, then looks at the stack. One of the two sees the other.
 */
final class Bell implements Runnable {

    private static final Bell THE = new Bell();

    private final long address = SystemMemory.map(RingLayout.BELL_SIZE, "reactor-ffi: bell");

    /** A second, as a struct timespec. */
    private final MemorySegment second = Arena.global().allocate(16);

    @GuardedBy("this")
    private boolean started;

    /** The time, in nanoTime, at which each ring was looked at. Accessed by the bell's thread only. */
    private long lookedAt = System.nanoTime();

    private Bell() {
        second.set(JAVA_LONG, 0, 1);
    }

    /** Returns the address of the bell, and starts its thread unless that runs. */
    static long started() {
        synchronized (THE) {
            if (!THE.started) {
                Thread thread = new Thread(THE, "reactor-ffi bell");
                thread.setDaemon(true);
                thread.start();
                THE.started = true;
            }
        }
        return THE.address;
    }

    @Override
    public void run() {
        while (true) {
            try {
                if (!passOn()) {
                    sleep();
                }
                lookAtAll();
            } catch (Throwable noMemory) {
                Thread.onSpinWait(); // what it was about to pass on is found within a second
            }
        }
    }

    /** Signals the owners of all rings that have rung. Returns false if there are none. */
    private boolean passOn() {
        long ring = Words.getAndSet(address + RingLayout.TOP, 0);
        boolean some = ring != 0;
        while (ring != 0) {
            long next = Words.get(ring + RingLayout.NEXT); // before the ring may be pushed again
            Rings.numbered(Words.getInt(ring + RingLayout.NUMBER)).rung();
            ring = next;
        }
        return some;
    }

    /** Sleeps for a second, or until machine code rings. */
    private void sleep() {
        Words.setIntVolatile(address + RingLayout.SLEEP, RingLayout.ASLEEP);
        VarHandle.fullFence();
        if (Words.getVolatile(address + RingLayout.TOP) == 0) {
            boolean _ = SystemCalls.sleep(address + RingLayout.SLEEP, RingLayout.ASLEEP, second);
        }
        Words.setIntVolatile(address + RingLayout.SLEEP, RingLayout.AWAKE);
    }

    /**
     * Looks at each ring, once a second. A native thread may have been killed after it had marked its ring, and before it had pushed the
     * ring on the stack; and threads may wait for room that the consumer, which has lent its turn, cannot make.
     */
    private void lookAtAll() {
        long now = System.nanoTime();
        if (now - lookedAt >= TimeUnit.SECONDS.toNanos(1)) {
            lookedAt = now;
            Rings.lookAtAll();
        }
    }
}
