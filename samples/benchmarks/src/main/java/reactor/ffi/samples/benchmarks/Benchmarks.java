package reactor.ffi.samples.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Measures this library against what else there is, and prints a table. Every figure comes from work that was checked; a
 * contender that has lost an event is an error, and the exit code is 1.
 */
public final class Benchmarks {

    private Benchmarks() {}

    /**
     * Runs the benchmarks.
     *
     * @param args see docs/benchmarks.md; a wrong one is answered with what is possible
     */
    public static void main(String[] args) throws Exception {
        List<String> arguments = List.of(args);
        if (!arguments.isEmpty() && arguments.get(0).equals(MicroBenchmarks.ARGUMENT)) {
            MicroBenchmarks.run(arguments.subList(1, arguments.size()));
            return;
        }
        Options options;
        try {
            options = Options.parse(arguments);
        } catch (Options.UsageException e) {
            System.err.println(e.getMessage());
            System.exit(2);
            return;
        }
        System.exit(run(options));
    }

    private static int run(Options options) throws IOException, InterruptedException {
        System.out.printf(
                Locale.ROOT,
                "%s setting, %d rounds; %s %s, %s %s, %d processors%n",
                options.full() ? "full" : "quick",
                options.rounds(),
                System.getProperty("java.vm.name"),
                Runtime.version(),
                System.getProperty("os.name"),
                System.getProperty("os.arch"),
                Runtime.getRuntime().availableProcessors());
        Peers peers = options.peers()
                ? Peers.install(
                        Path.of(System.getProperty("benchmarks.peers", "src/main/peers")),
                        Path.of(System.getProperty("benchmarks.work", "target"), "peers")
                                .toAbsolutePath(),
                        System.out)
                : Peers.none();
        Runner runner = new Runner(options, peers, System.out);
        List<Results.Summary> summaries = runner.run().summaries();
        System.out.println(Table.of(summaries));
        if (options.json() != null) {
            Files.write(options.json(), Json.lines(summaries));
        }
        if (options.svg() != null) {
            Files.writeString(options.svg(), Plot.of(summaries));
        }
        runner.failures().forEach(failure -> System.err.println("FAILED: " + failure));
        return runner.failures().isEmpty() ? 0 : 1;
    }
}
