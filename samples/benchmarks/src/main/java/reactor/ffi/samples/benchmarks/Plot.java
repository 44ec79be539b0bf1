package reactor.ffi.samples.benchmarks;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The results as bars: a panel for each point, the median as a bar, a line from the least to the greatest round. The scale is
 * logarithmic, because contenders differ by factors of hundreds. Colours follow the reader's light or dark scheme.
 */
final class Plot {

    private static final int WIDTH = 860;
    private static final int LEFT = 200;
    private static final int RIGHT = 150;
    private static final int BAR = 14;
    private static final int ROW = 22;
    private static final int HEADING = 46;

    private static final String STYLE = """
            text { font: 13px system-ui, sans-serif; fill: #1f2328; }
            .point { font-weight: 600; }
            .note { fill: #59636e; font-size: 12px; }
            .bar { fill: #8c959f; }
            .ours { fill: #0969da; }
            .bare { fill: #d1d9e0; }
            .range { stroke: #1f2328; stroke-width: 1.5; }
            @media (prefers-color-scheme: dark) {
              text { fill: #e6edf3; }
              .note { fill: #9198a1; }
              .bar { fill: #656c76; }
              .ours { fill: #4493f8; }
              .bare { fill: #3d444d; }
              .range { stroke: #e6edf3; }
            }
            """;

    private Plot() {}

    static String of(List<Results.Summary> summaries) {
        Map<String, List<Results.Summary>> panels = summaries.stream()
                .collect(Collectors.groupingBy(
                        summary -> summary.series().point(), LinkedHashMap::new, Collectors.toList()));
        StringBuilder drawing = new StringBuilder();
        int y = 0;
        for (Map.Entry<String, List<Results.Summary>> panel : panels.entrySet()) {
            y = panel(drawing, y, panel.getKey(), panel.getValue());
        }
        return String.format(
                        Locale.ROOT,
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %1$d %2$d\" width=\"%1$d\" height=\"%2$d\""
                                + " role=\"img\" aria-label=\"Medians of the benchmarks\">%n",
                        WIDTH,
                        y + 10)
                + "<style>\n" + STYLE + "</style>\n" + drawing + "</svg>\n";
    }

    private static int panel(StringBuilder drawing, int top, String point, List<Results.Summary> rows) {
        Measure measure = rows.get(0).series().measure();
        double least = rows.stream().mapToDouble(Results.Summary::min).min().orElseThrow();
        double most = rows.stream().mapToDouble(Results.Summary::max).max().orElseThrow();
        Scale scale = new Scale(Math.max(least, 1e-3) / 2, Math.max(most, 1e-3));
        drawing.append(String.format(
                Locale.ROOT,
                "<text class=\"point\" x=\"10\" y=\"%d\">%s</text>"
                        + "<text class=\"note\" x=\"%d\" y=\"%d\">%s; %s, logarithmic</text>%n",
                top + 30,
                point,
                LEFT,
                top + 30,
                measure.what(),
                measure.unit()));
        int y = top + HEADING;
        for (Results.Summary row : rows) {
            drawing.append(row(row, scale, y));
            y += ROW;
        }
        return y;
    }

    private static String row(Results.Summary row, Scale scale, int y) {
        Contender contender = row.series().contender();
        String kind = contender.isBare() ? "bar bare" : contender.isOurs() ? "bar ours" : "bar";
        double end = scale.x(row.median());
        double middle = y + BAR / 2.0;
        String ratio = row.ratioToBare().isPresent()
                ? String.format(Locale.ROOT, "  ×%.1f", row.ratioToBare().getAsDouble())
                : "";
        return String.format(
                Locale.ROOT,
                "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>"
                        + "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>"
                        + "<line class=\"range\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>"
                        + "<text x=\"%.1f\" y=\"%d\">%s%s</text>%n",
                LEFT - 10,
                y + 12,
                contender.id(),
                kind,
                LEFT,
                y,
                end - LEFT,
                BAR,
                scale.x(row.min()),
                middle,
                scale.x(row.max()),
                middle,
                Math.max(end, scale.x(row.max())) + 8,
                y + 12,
                Table.number(row.median()),
                ratio);
    }

    /** From the least to the greatest figure of a panel. */
    private record Scale(double from, double to) {

        double x(double figure) {
            double share = Math.log(Math.max(figure, from) / from) / Math.log(to / from);
            return LEFT + share * (WIDTH - LEFT - RIGHT);
        }
    }
}
