package reactor.ffi.samples.benchmarks;

import reactor.ffi.CallbackOptions;

/** This library, with a source that never says when native code is done with a pointer: each cycle needs a slot that is new. */
final class UnreleasedCycle implements Workload {

    private final Cycle cycle = new Cycle(new NativeSource(), CallbackOptions.defaults(), false);

    @Override
    public Figures run(Measure measure, int size, int count) throws Throwable {
        return Figures.of(cycle.run(count));
    }
}
