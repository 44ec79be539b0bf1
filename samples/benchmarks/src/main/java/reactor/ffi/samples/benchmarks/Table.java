package reactor.ffi.samples.benchmarks;

import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** The results for the eye. */
final class Table {

    private Table() {}

    static String of(List<Results.Summary> summaries) {
        StringBuilder table = new StringBuilder();
        String point = "";
        for (Results.Summary summary : summaries) {
            Results.Series series = summary.series();
            if (!series.point().equals(point)) {
                point = series.point();
                table.append(String.format(
                        Locale.ROOT,
                        "%n%s: %s%n  %-28s %12s %12s %12s %9s %9s %9s %9s%n",
                        point,
                        series.measure().what(),
                        series.measure().unit(),
                        "median",
                        "min",
                        "max",
                        "x bare",
                        "x ours",
                        "x own",
                        "x one"));
            }
            table.append(String.format(
                    Locale.ROOT,
                    "  %-28s %12s %12s %12s %9s %9s %9s %9s%n",
                    series.contender().id(),
                    number(summary.median()),
                    number(summary.min()),
                    number(summary.max()),
                    ratio(summary.ratioToBare()),
                    ratio(summary.ratioToOurs()),
                    ratio(summary.ratioToOwnStub()),
                    ratio(summary.ratioToOne())));
        }
        return table.toString();
    }

    private static String ratio(OptionalDouble ratio) {
        return ratio.isPresent() ? String.format(Locale.ROOT, "%.2f", ratio.getAsDouble()) : "-";
    }

    static String number(double figure) {
        return String.format(Locale.ROOT, Math.abs(figure) < 1_000 ? "%.1f" : "%,.0f", figure);
    }
}
