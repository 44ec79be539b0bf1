package reactor.ffi.samples.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the command line asks for.
 *
 * @param full more events and rounds
 * @param peers those on other runtimes take part
 * @param measures which
 * @param contenders which
 * @param rounds how many are counted
 * @param warmUps how many are not, before them
 * @param share of the events of the setting; 1 but in tests
 * @param json where the lines go; null: nowhere
 * @param svg where the plot goes; null: nowhere
 * @param jvm more arguments for the JVMs of the contenders
 */
record Options(
        boolean full,
        boolean peers,
        Set<Measure> measures,
        Set<Contender> contenders,
        int rounds,
        int warmUps,
        double share,
        Path json,
        Path svg,
        List<String> jvm) {

    static final String USAGE = """
            --full                more events and rounds; without it: the quick setting
            --peers               also Node-API, Bun, koffi and Deno; installed by npm into the build folder
            --measures A,B        only these: %s
            --contenders A,B      only these: %s
            --rounds N            that many rounds are counted; 7 or more for figures that are shown to others
            --json FILE           write the results as lines of JSON
            --svg FILE            draw them
            --jvm ARGUMENT        one more argument for the JVMs of the contenders; may be repeated
            --jmh [REGEXP]        the micro-benchmarks instead, of JMH; only those that match
            """.formatted(ids(EnumSet.allOf(Measure.class)), names(EnumSet.allOf(Contender.class)));

    /** A command line that asks for something that is not there. */
    static final class UsageException extends Exception {

        private static final long serialVersionUID = 1;

        UsageException(String problem) {
            super(problem + "\n\nWhat is possible:\n" + USAGE);
        }
    }

    static Options parse(List<String> arguments) throws UsageException {
        boolean full = false;
        boolean peers = false;
        Set<Measure> measures = EnumSet.allOf(Measure.class);
        Set<Contender> contenders = EnumSet.allOf(Contender.class);
        int rounds = 0;
        Path json = null;
        Path svg = null;
        List<String> jvm = new ArrayList<>();
        Iterator<String> rest = arguments.iterator();
        while (rest.hasNext()) {
            String argument = rest.next();
            switch (argument) {
                case "--full" -> full = true;
                case "--peers" -> peers = true;
                case "--measures" -> measures = measures(value(argument, rest));
                case "--contenders" -> contenders = contenders(value(argument, rest));
                case "--rounds" -> rounds = rounds(value(argument, rest));
                case "--json" -> json = Path.of(value(argument, rest));
                case "--svg" -> svg = Path.of(value(argument, rest));
                case "--jvm" -> jvm.add(value(argument, rest));
                default -> throw new UsageException("\"" + argument + "\" is not an argument.");
            }
        }
        if (!peers) {
            contenders.removeIf(Contender::isPeer);
        }
        for (Measure measure : measures) {
            if (contenders.stream().noneMatch(contender -> contender.takesPartIn(measure))) {
                throw new UsageException("Nobody of --contenders takes part in " + measure.id()
                        + (peers ? "." : "; those on other runtimes need --peers."));
            }
        }
        return new Options(
                full,
                peers,
                measures,
                contenders,
                rounds > 0 ? rounds : full ? 11 : 7,
                full ? 7 : 4,
                1,
                json,
                svg,
                jvm);
    }

    int count(Measure measure) {
        return (int) Math.max(measure.count(full) * share, 1);
    }

    private static String value(String argument, Iterator<String> rest) throws UsageException {
        if (!rest.hasNext()) {
            throw new UsageException(argument + " needs a value.");
        }
        return rest.next();
    }

    private static Set<Measure> measures(String list) throws UsageException {
        Set<Measure> chosen = EnumSet.noneOf(Measure.class);
        for (String id : list.split(",", -1)) {
            List<Measure> found = Arrays.stream(Measure.values())
                    .filter(measure -> measure.id().equals(id))
                    .toList();
            if (found.isEmpty()) {
                throw new UsageException("\"" + id + "\" is not a measure.");
            }
            chosen.addAll(found);
        }
        return chosen;
    }

    private static Set<Contender> contenders(String list) throws UsageException {
        Set<Contender> chosen = EnumSet.noneOf(Contender.class);
        for (String id : list.split(",", -1)) {
            Contender found = Stream.of(Contender.values())
                    .filter(contender -> contender.id().equals(id))
                    .findFirst()
                    .orElse(null);
            if (found == null) {
                throw new UsageException("\"" + id + "\" is not a contender.");
            }
            chosen.add(found);
        }
        return chosen;
    }

    private static int rounds(String value) throws UsageException {
        try {
            int rounds = Integer.parseInt(value);
            if (rounds >= 1) {
                return rounds;
            }
        } catch (NumberFormatException _) {
            // said below
        }
        throw new UsageException("--rounds " + value + ": not a number from 1 on.");
    }

    private static String ids(Collection<Measure> measures) {
        return measures.stream().map(Measure::id).collect(Collectors.joining(", "));
    }

    private static String names(Collection<Contender> contenders) {
        return contenders.stream().map(Contender::id).collect(Collectors.joining(", "));
    }
}
