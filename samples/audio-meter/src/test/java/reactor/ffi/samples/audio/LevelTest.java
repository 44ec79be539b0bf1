package reactor.ffi.samples.audio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class LevelTest {

    @Test
    void theLevelOfSomeBlocksIsThatOfTheirSquares() {
        Level both = new Level(1, 0.1, 0.2).and(new Level(3, 0.3, 0.4));

        assertThat(both.blocks()).isEqualTo(4);
        assertThat(both.level()).isCloseTo(Math.sqrt((0.01 + 3 * 0.09) / 4), within(1e-12));
        assertThat(both.peak()).isEqualTo(0.4);
    }

    @Test
    void theBarReachesFromSilenceToTheLoudestSample() {
        assertThat(new Level(1, 0, 0).bar()).startsWith("[" + " ".repeat(50) + "]");
        assertThat(new Level(1, 1, 1).bar()).startsWith("[" + "#".repeat(49) + "|]");
        assertThat(new Level(1, 0.01, 0.1).bar()).matches("\\[#{17} +\\| +] +-20[.,]0 dB");
    }
}
