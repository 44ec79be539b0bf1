package reactor.ffi.samples.benchmarks;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A bare upcall that submits the question to a single-threaded executor, and waits: what one writes first. */
final class ExecutorGet implements Workload {

    private final NativeSource source = new NativeSource();
    private final Answered answered = new Answered(source);
    private final ExecutorService executor = Executors.newSingleThreadExecutor();
    private final MemorySegment asking = NativeSource.question(this::ask);

    private int ask(int question) {
        try {
            return executor.submit(() -> question + 1).get();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public Figures run(Measure measure, int size, int count) throws Throwable {
        return measure == Measure.ANSWERED_PARKED
                ? answered.afterPauses(asking, count)
                : Figures.of(source.answered(asking, count));
    }
}
