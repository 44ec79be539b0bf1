package reactor.ffi.samples.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.LongStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;

class ResultsTest {

    private static final Measure.Point STREAM = Measure.STREAM.points().get(0);

    private final Results results = new Results();

    @Test
    void theMedianIsTheMiddleOfTheRounds() {
        assertThat(Results.median(new double[] {9, 1, 5})).isEqualTo(5);
        assertThat(Results.median(new double[] {9, 1, 5, 4})).isEqualTo(4.5);
        assertThat(Results.median(new double[] {3})).isEqualTo(3);
    }

    @Test
    void theRatioIsTheMedianOfTheRatiosAndNotTheRatioOfTheMedians() {
        rounds(Contender.BARE, 10, 20, 100);
        rounds(Contender.REACTOR_FFI, 30, 80, 200); // 3, 4, 2; the medians would give 4

        Results.Summary summary = results.summaries().get(1);

        assertThat(summary.median()).isEqualTo(80);
        assertThat(summary.min()).isEqualTo(30);
        assertThat(summary.max()).isEqualTo(200);
        assertThat(summary.ratioToBare().orElseThrow()).isEqualTo(3);
    }

    @Test
    void roundsThatTheBareContenderHasNotDoneAreNotCompared() {
        rounds(Contender.BARE, 10);
        rounds(Contender.REACTOR_FFI, 30, 80, 200);

        assertThat(results.summaries().get(1).ratioToBare().orElseThrow()).isEqualTo(3);
    }

    @Test
    void withoutABareContenderThereIsNoRatio() {
        rounds(Contender.REACTOR_FFI, 30);

        assertThat(results.summaries().get(0).ratioToBare()).isEmpty();
        assertThat(Json.lines(results.summaries()))
                .containsExactly("{\"contender\":\"reactor-ffi\",\"measure\":\"stream\",\"median\":30.000,"
                        + "\"min\":30.000,\"max\":30.000,\"unit\":\"ns/event\"}");
    }

    @Test
    void othersAreAlsoComparedWithThisLibraryRoundByRound() {
        rounds(Contender.REACTOR_FFI, 30, 80, 200);
        rounds(Contender.FLUX_CREATE, 60, 80, 1000);

        assertThat(results.summaries().get(0).ratioToOurs()).isEmpty();
        assertThat(results.summaries().get(1).ratioToOurs().orElseThrow()).isEqualTo(2);
    }

    @Test
    void routedOnesAreAlsoComparedWithStubsOfTheirOwnRoundByRound() {
        rounds(Contender.REACTOR_FFI, 1, 1, 1);
        rounds(Contender.REACTOR_FFI_HANDLE, 30, 80, 200);
        rounds(Contender.REACTOR_FFI_ROUTED, 60, 80, 1000);

        assertThat(results.summaries())
                .extracting(Results.Summary::ratioToOwnStub)
                .containsExactly(OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.of(2));
        assertThat(Json.lines(results.summaries()).get(2)).contains(",\"ratio_to_own_stub\":2.000}");
        assertThat(Table.of(results.summaries()).lines().map(String::strip))
                .anyMatch(line -> line.matches("reactor-ffi-routed +80\\.0 +60\\.0 +1,000 +- +80\\.00 +2\\.00 +-"));
    }

    @Test
    void morePointsAreComparedWithTheFirstOfTheSameContender() {
        Measure.Point one = Measure.SOURCES_N.points().get(0);
        Measure.Point ten = Measure.SOURCES_N.points().get(1);
        double[] ofOne = {10, 20, 100};
        double[] ofTen = {15, 60, 200};
        for (int round = 0; round < 3; round++) {
            results.add(Measure.SOURCES_N, one, Contender.BARE, round, Figures.of(1));
            results.add(Measure.SOURCES_N, one, Contender.REACTOR_FFI, round, Figures.of(ofOne[round]));
            results.add(Measure.SOURCES_N, ten, Contender.REACTOR_FFI, round, Figures.of(ofTen[round]));
        }

        assertThat(results.summaries())
                .extracting(summary -> summary.series().point(), Results.Summary::ratioToOne)
                .containsExactly(
                        tuple("sources_1", OptionalDouble.empty()),
                        tuple("sources_1", OptionalDouble.empty()),
                        tuple("sources_10", OptionalDouble.of(2)));
    }

    @Test
    void eachSummaryIsALineOfJson() {
        rounds(Contender.BARE, 10, 20, 100);
        rounds(Contender.REACTOR_FFI, 30, 80, 200);

        assertThat(Json.lines(results.summaries()))
                .containsExactly(
                        "{\"contender\":\"bare\",\"measure\":\"stream\",\"median\":20.000,\"min\":10.000,"
                                + "\"max\":100.000,\"unit\":\"ns/event\"}",
                        "{\"contender\":\"reactor-ffi\",\"measure\":\"stream\",\"median\":80.000,\"min\":30.000,"
                                + "\"max\":200.000,\"unit\":\"ns/event\",\"ratio_to_bare\":3.000}");
    }

    @Test
    void theTableShowsMedianSpreadAndRatio() {
        rounds(Contender.BARE, 10, 20, 100);
        rounds(Contender.REACTOR_FFI, 30, 80, 2000);

        assertThat(Table.of(results.summaries()).lines().map(String::strip))
                .contains("stream: one native thread, first call to last event")
                .anyMatch(line -> line.matches("ns/event +median +min +max +x bare +x ours +x own +x one"))
                .anyMatch(line -> line.matches("bare +20\\.0 +10\\.0 +100\\.0 +- +0\\.25 +- +-"))
                .anyMatch(line -> line.matches("reactor-ffi +80\\.0 +30\\.0 +2,000 +4\\.00 +- +- +-"));
    }

    @Test
    void figuresWithNamesArePointsOfTheirOwn() {
        Measure.Point wake = Measure.WAKE.points().get(0);
        results.add(Measure.WAKE, wake, Contender.PARK_UNPARK, 0, Figures.percentiles(hundred()));
        results.add(Measure.WAKE, wake, Contender.REACTOR_FFI, 0, Figures.percentiles(hundred()));

        assertThat(results.summaries())
                .extracting(
                        summary -> summary.series().point(),
                        summary -> summary.series().contender().id())
                .containsExactly(
                        tuple("wake_p50", "park-unpark"),
                        tuple("wake_p50", "reactor-ffi"),
                        tuple("wake_p99", "park-unpark"),
                        tuple("wake_p99", "reactor-ffi"));
    }

    @Test
    void aPercentileIsGivenOnlyWhereThereAreSamplesEnough() {
        assertThat(Figures.percentiles(hundred()).byName())
                .containsExactly(Map.entry("p50", 50.0), Map.entry("p99", 99.0));
        assertThat(Figures.percentiles(new long[1000]).byName()).containsOnlyKeys("p50", "p99", "p99.9");
        assertThat(Figures.percentiles(new long[] {7}).byName()).containsExactly(Map.entry("p50", 7.0));
    }

    @Test
    void figuresComeThroughTheLineAsTheyWere() {
        assertThat(Figures.parse(Figures.of(12.5).toLine())).isEqualTo(Figures.of(12.5));
        Figures several = Figures.percentiles(hundred());
        assertThat(Figures.isLine(several.toLine())).isTrue();
        assertThat(Figures.parse(several.toLine())).isEqualTo(several);
        assertThat(Figures.isLine("! lost 3")).isFalse();
    }

    @Test
    void thePlotHasABarForEachSummaryAndColoursForTheDark() throws Exception {
        rounds(Contender.BARE, 10, 20, 100);
        rounds(Contender.REACTOR_FFI, 30, 80, 2000);

        String svg = Plot.of(results.summaries());
        Document parsed = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));

        assertThat(parsed.getElementsByTagName("rect").getLength()).isEqualTo(2);
        double bare = width(parsed, 0);
        double ours = width(parsed, 1);
        assertThat(ours / bare).isCloseTo(Math.log(80 / 5.0) / Math.log(20 / 5.0), within(0.01));
        assertThat(svg).contains("prefers-color-scheme: dark", "reactor-ffi", "×4.0");
    }

    private static double width(Document svg, int bar) {
        return Double.parseDouble(svg.getElementsByTagName("rect")
                .item(bar)
                .getAttributes()
                .getNamedItem("width")
                .getNodeValue());
    }

    private void rounds(Contender contender, double... figures) {
        for (int round = 0; round < figures.length; round++) {
            results.add(Measure.STREAM, STREAM, contender, round, Figures.of(figures[round]));
        }
    }

    private static long[] hundred() {
        return LongStream.rangeClosed(1, 100).toArray();
    }
}
