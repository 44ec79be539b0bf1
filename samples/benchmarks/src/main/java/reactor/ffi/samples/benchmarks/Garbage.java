package reactor.ffi.samples.benchmarks;

import java.lang.ref.Reference;

/** A storm of collections: a thread that holds a million small objects, and has the JVM collect again and again. */
final class Garbage implements AutoCloseable {

    private static final int LIVE = 1_000_000;

    private volatile boolean over;
    private final Thread thread = Thread.ofPlatform().daemon().name("garbage").start(this::collect);

    private void collect() {
        long[][] live = new long[LIVE][];
        try {
            for (int i = 0; i < LIVE && !over; i++) {
                live[i] = new long[1];
            }
            while (!over) {
                System.gc();
            }
        } finally {
            Reference.reachabilityFence(live);
        }
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
