package reactor.ffi.samples.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.Predicate;

/** The figures of all rounds, in the order in which they came. */
final class Results {

    /**
     * What is counted together.
     *
     * @param measure the measure
     * @param point the name of the point, with that of the figure if it has one: {@code stream_64}, {@code wake_p50}
     * @param contender whose figures these are
     */
    record Series(Measure measure, String point, Contender contender) {}

    /**
     * A series in short. The ratios are medians of ratios, round by round, and empty where there is nothing to compare with.
     *
     * @param series whose
     * @param median of the rounds
     * @param min of the rounds
     * @param max of the rounds
     * @param ratioToBare to the bare contender of the same point
     * @param ratioToOurs to this library with default options, at the same point
     * @param ratioToOwnStub of a routed contender: to the one with a stub of its own for each callback
     * @param ratioToOne to the same contender at the first point of the measure: one thread, one callback
     */
    record Summary(
            Series series,
            double median,
            double min,
            double max,
            OptionalDouble ratioToBare,
            OptionalDouble ratioToOurs,
            OptionalDouble ratioToOwnStub,
            OptionalDouble ratioToOne) {}

    private final Map<Series, Map<Integer, Double>> rounds = new LinkedHashMap<>();

    void add(Measure measure, Measure.Point point, Contender contender, int round, Figures figures) {
        figures.byName().forEach((name, figure) -> {
            String full = name.isEmpty() ? point.name() : point.name() + "_" + name;
            rounds.computeIfAbsent(new Series(measure, full, contender), _ -> new LinkedHashMap<>())
                    .put(round, figure);
        });
    }

    /** By measure and point, and in these in the order of the contenders. */
    List<Summary> summaries() {
        Map<String, List<Summary>> byPoint = new LinkedHashMap<>();
        rounds.forEach((series, figures) ->
                byPoint.computeIfAbsent(series.point(), _ -> new ArrayList<>()).add(summary(series, figures)));
        return byPoint.values().stream().flatMap(List::stream).toList();
    }

    private Summary summary(Series series, Map<Integer, Double> figures) {
        double[] all =
                figures.values().stream().mapToDouble(Double::doubleValue).toArray();
        Contender contender = series.contender();
        String one = series.measure().points().get(0).name();
        return new Summary(
                series,
                median(all),
                Arrays.stream(all).min().orElseThrow(),
                Arrays.stream(all).max().orElseThrow(),
                contender.isBare()
                        ? OptionalDouble.empty()
                        : ratio(
                                figures,
                                other -> samePoint(series, other)
                                        && other.contender().isBare()),
                contender == Contender.REACTOR_FFI
                        ? OptionalDouble.empty()
                        : ratio(
                                figures,
                                other -> samePoint(series, other) && other.contender() == Contender.REACTOR_FFI),
                contender
                        .ownStub(series.measure())
                        .map(own -> ratio(figures, other -> samePoint(series, other) && other.contender() == own))
                        .orElse(OptionalDouble.empty()),
                series.measure().isOneAndMore() && !series.point().equals(one)
                        ? ratio(figures, other -> other.point().equals(one) && other.contender() == contender)
                        : OptionalDouble.empty());
    }

    private static boolean samePoint(Series series, Series other) {
        return other.point().equals(series.point());
    }

    /**
     * In each round the figure is divided by that of the other series in the same round: what slows the machine down for a
     * while slows both.
     */
    private OptionalDouble ratio(Map<Integer, Double> figures, Predicate<Series> other) {
        double[] ratios = rounds.entrySet().stream()
                .filter(series -> other.test(series.getKey()))
                .flatMapToDouble(base -> figures.entrySet().stream()
                        .filter(round -> base.getValue().containsKey(round.getKey()))
                        .mapToDouble(round -> round.getValue() / base.getValue().get(round.getKey())))
                .toArray();
        return ratios.length == 0 ? OptionalDouble.empty() : OptionalDouble.of(median(ratios));
    }

    static double median(double[] figures) {
        double[] sorted = figures.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
