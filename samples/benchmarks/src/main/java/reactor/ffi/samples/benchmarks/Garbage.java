package reactor.ffi.samples.benchmarks;

import java.util.ArrayList;
import java.util.List;

/** A storm of collections: a thread that holds a million small objects, and has the JVM collect again and again. */
final class Garbage implements AutoCloseable {

    private static final int LIVE = 1_000_000;

    private volatile boolean over;
    private final Thread thread = Thread.ofPlatform().daemon().name("garbage").start(this::collect);

    private void collect() {
        List<Object> live = new ArrayList<>();
        for (int i = 0; i < LIVE && !over; i++) {
            live.add(new long[1]);
        }
        while (!over) {
            System.gc();
        }
        live.clear(); // until here they were reachable
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
