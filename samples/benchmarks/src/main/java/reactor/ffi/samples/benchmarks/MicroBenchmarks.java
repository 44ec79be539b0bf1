package reactor.ffi.samples.benchmarks;

import java.util.List;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** What is too small for the runner, measured by JMH. */
final class MicroBenchmarks {

    static final String ARGUMENT = "--jmh";

    private MicroBenchmarks() {}

    /** Runs those whose names match; all without a pattern. */
    static void run(List<String> patterns) throws RunnerException {
        OptionsBuilder options = new OptionsBuilder();
        (patterns.isEmpty() ? List.of(".*") : patterns).forEach(options::include);
        new Runner(options.build()).run();
    }
}
