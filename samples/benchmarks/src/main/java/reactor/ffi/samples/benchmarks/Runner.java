package reactor.ffi.samples.benchmarks;

import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Takes the measures one after the other. In each round of a measure every contender has its turn at every point (A B C A B C
 * ...), so that what happens to the machine for a while happens to all of them.
 */
final class Runner {

    private final Options options;
    private final Peers peers;
    private final PrintStream out;
    private final Results results = new Results();
    private final List<String> failures = new ArrayList<>();

    Runner(Options options, Peers peers, PrintStream out) {
        this.options = options;
        this.peers = peers;
        this.out = out;
    }

    Results run() throws InterruptedException {
        for (Measure measure : options.measures()) {
            run(measure);
        }
        return results;
    }

    /** Contenders that have not done their work, or not right: they have no figures from there on. */
    List<String> failures() {
        return List.copyOf(failures);
    }

    private void run(Measure measure) throws InterruptedException {
        Map<Contender, ContenderProcess> running = new EnumMap<>(Contender.class);
        try {
            for (Contender contender : options.contenders()) {
                if (contender.takesPartIn(measure) && (!contender.isPeer() || peers.has(contender))) {
                    start(contender, running);
                }
            }
            out.printf("%s, %d contenders:", measure.id(), running.size());
            for (int round = -options.warmUps(); round < options.rounds(); round++) {
                out.print(round < 0 ? " warm-up" : " " + (round + 1));
                out.flush();
                round(measure, round, running);
            }
            out.println();
        } finally {
            running.values().forEach(ContenderProcess::close);
        }
    }

    private void start(Contender contender, Map<Contender, ContenderProcess> running) {
        try {
            running.put(
                    contender,
                    contender.isPeer() ? peers.start(contender) : ContenderProcess.jvm(contender, options.jvm()));
        } catch (IOException e) {
            failures.add(contender.id() + " does not start: " + e);
        }
    }

    private void round(Measure measure, int round, Map<Contender, ContenderProcess> running)
            throws InterruptedException {
        for (Measure.Point point : measure.points()) {
            for (Contender contender : List.copyOf(running.keySet())) {
                try {
                    Figures figures = running.get(contender).run(measure, point.size(), options.count(measure));
                    if (round >= 0) {
                        results.add(measure, point, contender, round, figures);
                    }
                } catch (ContenderProcess.Failed e) {
                    failures.add(contender.id() + " failed at " + point.name() + ": " + e.getMessage());
                    out.print(" [" + contender.id() + " failed]");
                    running.remove(contender).close();
                }
            }
        }
    }
}
