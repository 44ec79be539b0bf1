package reactor.ffi.samples.audio;

import java.lang.ref.Reference;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A thread that holds many objects, makes more, and has the JVM collect again and again: what a sound card must not hear. */
final class Garbage implements AutoCloseable {

    private static final int LIVE = 1_000_000;
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(20);

    private volatile boolean over;
    private volatile int collections;
    private final Thread thread = Thread.ofPlatform().daemon().name("garbage").start(this::collect);

    private void collect() {
        long[][] live = new long[LIVE][];
        try {
            for (int i = 0; i < LIVE && !over; i++) {
                live[i] = new long[1];
            }
            for (int i = 0; !over; i++) {
                System.gc();
                collections = i + 1;
                LockSupport.parkNanos(PAUSE); // else no other Java thread runs, and the meter shows nothing
            }
        } finally {
            Reference.reachabilityFence(live);
        }
    }

    /** Returns how often the JVM has collected. */
    int collections() {
        return collections;
    }

    @Override
    public void close() {
        over = true;
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
