package reactor.ffi.samples.benchmarks;

import java.lang.foreign.Arena;

/** A stub made, called once, and freed, in a shared arena: what one does without a library, and what crashes on a late call. */
final class SharedArena implements Workload {

    private final NativeSource source = new NativeSource();
    private long called;

    @Override
    public Figures run(Measure measure, int size, int count) throws Throwable {
        called = 0;
        Event.OnEvent target = (sequence, value) -> called++;
        long from = System.nanoTime();
        for (int i = 0; i < count; i++) {
            try (Arena arena = Arena.ofShared()) {
                source.callOnce(NativeSource.stub(Event.OnEvent.class, "event", target, NativeSource.ON_EVENT, arena));
            }
        }
        long nanos = System.nanoTime() - from;
        if (called != count) {
            throw new IllegalStateException("of " + count + " calls " + called + " arrived");
        }
        return Figures.of((double) nanos / count);
    }
}
