package reactor.ffi.samples.benchmarks;

/** One way to take native callbacks, in a JVM of its own. What it has set up for a measure it keeps for the next round. */
@FunctionalInterface
interface Workload {

    /**
     * One round. Throws if not all of the work was done, and done right.
     *
     * @param size that of the point
     * @param count how many events, calls or ms
     */
    Figures run(Measure measure, int size, int count) throws Throwable;

    /** For measures that a workload is not asked for. */
    static IllegalArgumentException not(Measure measure) {
        return new IllegalArgumentException("not made for " + measure.id());
    }
}
