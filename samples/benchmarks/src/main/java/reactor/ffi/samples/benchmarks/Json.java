package reactor.ffi.samples.benchmarks;

import java.util.List;
import java.util.Locale;

/** The results for machines: one object a line. Names and units here need no escaping. */
final class Json {

    private Json() {}

    static List<String> lines(List<Results.Summary> summaries) {
        return summaries.stream().map(Json::line).toList();
    }

    private static String line(Results.Summary summary) {
        StringBuilder line = new StringBuilder(String.format(
                Locale.ROOT,
                "{\"contender\":\"%s\",\"measure\":\"%s\",\"median\":%.3f,\"min\":%.3f,\"max\":%.3f,\"unit\":\"%s\"",
                summary.series().contender().id(),
                summary.series().point(),
                summary.median(),
                summary.min(),
                summary.max(),
                summary.series().measure().unit()));
        summary.ratioToBare()
                .ifPresent(ratio -> line.append(String.format(Locale.ROOT, ",\"ratio_to_bare\":%.3f", ratio)));
        summary.ratioToOwnStub()
                .ifPresent(ratio -> line.append(String.format(Locale.ROOT, ",\"ratio_to_own_stub\":%.3f", ratio)));
        return line.append('}').toString();
    }
}
