package reactor.ffi.soak;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntToLongFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the soak calls flat, with rows that are made up: that it would see a leak. */
class FlatTest {

    private static final int ROWS = 20;

    /** All measures stay at a thousand, but one. */
    private static List<Sample> rows(Measure one, IntToLongFunction value) {
        return IntStream.range(0, ROWS)
                .mapToObj(row -> {
                    Map<Measure, Long> values = new EnumMap<>(Measure.class);
                    for (Measure measure : Measure.values()) {
                        values.put(measure, 1_000L);
                    }
                    values.put(one, value.applyAsLong(row));
                    return new Sample(values);
                })
                .toList();
    }

    @Test
    void whatStaysIsFlat() {
        assertThat(Flat.grown(rows(Measure.HEAP, row -> 1_000))).isEmpty();
    }

    @Test
    void whatShrinksIsFlat() {
        assertThat(Flat.grown(rows(Measure.HEAP, row -> 1L << (40 - row)))).isEmpty();
    }

    /** From the middle of the first third to the middle of the last there are 14 of the 20 rows. */
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "RESIDENT")
    void whatGrowsWithEachSampleIsNamed(Measure measure) {
        assertThat(Flat.grown(rows(measure, row -> row * (measure.tolerance / 14))))
                .isEmpty();
        assertThat(Flat.grown(rows(measure, row -> row * (measure.tolerance / 14 + 1))))
                .singleElement()
                .asString()
                .startsWith(measure.label() + " has grown by");
    }

    @Test
    void aStepThatStaysIsAGrowth() {
        assertThat(Flat.grown(rows(Measure.DESCRIPTORS, row -> row < 10 ? 80 : 100)))
                .containsExactly("descriptors has grown by 20, from 80 to 100; 8 may be");
    }

    @Test
    void aPeakIsNot() {
        assertThat(Flat.grown(rows(Measure.THREADS, row -> row % 5 == 4 ? 1_000_000 : 90)))
                .isEmpty();
    }

    @Test
    void whatGrowsOnlyAtFirstIsFlat() {
        assertThat(Flat.grown(rows(Measure.STUBS, row -> Math.min(row, 2) * 100_000L)))
                .isEmpty();
    }

    @Test
    void aFewSamplesTellNothing() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Flat.grown(rows(Measure.HEAP, row -> 0).subList(0, 8)))
                .withMessageContaining("8 samples are too few");
    }
}
