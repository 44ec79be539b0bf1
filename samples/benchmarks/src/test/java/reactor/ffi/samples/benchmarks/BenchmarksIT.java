package reactor.ffi.samples.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Each contender of the JVM takes part once in each of its measures, with few events. The figures mean nothing. */
class BenchmarksIT {

    @Test
    void eachContenderGivesAPositiveFigureForEachOfItsMeasures() throws Exception {
        Options parsed = Options.parse(List.of("--rounds", "1"));
        Options few = new Options(
                false,
                false,
                parsed.measures(),
                parsed.contenders(),
                1,
                0,
                0.01,
                null,
                null,
                List.of("-Xms64m", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240m"));
        ByteArrayOutputStream progress = new ByteArrayOutputStream();
        Runner runner = new Runner(few, Peers.none(), new PrintStream(progress, true, StandardCharsets.UTF_8));

        List<Results.Summary> summaries = runner.run().summaries();

        assertThat(runner.failures()).isEmpty();
        Set<String> expected = EnumSet.allOf(Measure.class).stream()
                .flatMap(measure -> measure.points().stream()
                        .flatMap(point -> parsed.contenders().stream()
                                .filter(contender -> contender.takesPartIn(measure))
                                .map(contender -> figure(measure, point) + " of " + contender.id())))
                .collect(Collectors.toSet());
        assertThat(summaries)
                .extracting(summary -> summary.series().point() + " of "
                        + summary.series().contender().id())
                .containsExactlyInAnyOrderElementsOf(expected);
        assertThat(summaries)
                .filteredOn(summary -> !EnumSet.of(Measure.IDLE, Measure.ALLOCATION)
                        .contains(summary.series().measure())) // these may really be zero
                .allSatisfy(summary ->
                        assertThat(summary.median()).as("%s", summary).isPositive());
        assertThat(progress.toString(StandardCharsets.UTF_8)).contains("stream, 11 contenders: 1");
    }

    /** The name of the one figure that so few calls give. */
    private static String figure(Measure measure, Measure.Point point) {
        return switch (measure) {
            case WAKE -> "wake_p50";
            case GC -> "gc_longest";
            default -> point.name();
        };
    }

    @Test
    void aContenderThatDoesNotDoItsWorkIsNamedAndHasNoFigure() throws Exception {
        Options noMemory = new Options(
                false,
                false,
                EnumSet.of(Measure.SAME_THREAD),
                EnumSet.of(Contender.BARE),
                1,
                0,
                0.01,
                null,
                null,
                List.of("-Xmx1k"));
        Runner runner = new Runner(
                noMemory, Peers.none(), new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8));

        assertThat(runner.run().summaries()).isEmpty();
        assertThat(runner.failures()).singleElement().asString().contains("bare failed at same_thread", "exit code 1");
    }
}
