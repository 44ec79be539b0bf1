package reactor.ffi.samples.audio;

import java.util.ArrayList;
import java.util.List;

/** A thread that holds many objects, makes more, and has the JVM collect again and again: what a sound card must not hear. */
final class Garbage implements AutoCloseable {

    private static final int LIVE = 1_000_000;

    private volatile boolean over;
    private volatile int collections;
    private final Thread thread = Thread.ofPlatform().daemon().name("garbage").start(this::collect);

    private void collect() {
        List<Object> live = new ArrayList<>();
        for (int i = 0; i < LIVE && !over; i++) {
            live.add(new long[1]);
        }
        for (int i = 0; !over; i++) {
            System.gc();
            collections = i + 1;
        }
        live.clear(); // until here they were reachable
    }

    /** Returns how often the JVM has collected. */
    int collections() {
        return collections;
    }

    @Override
    public void close() throws InterruptedException {
        over = true;
        thread.join();
    }
}
