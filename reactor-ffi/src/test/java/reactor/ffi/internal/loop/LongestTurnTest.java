package reactor.ffi.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.internal.loop.LongestTurn.WINDOW;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LongestTurnTest {

    @ParameterizedTest
    @ValueSource(longs = {0, -5, Long.MAX_VALUE - 10, Long.MIN_VALUE})
    void isTheLongestUntilOneToTwoWindowsArePast(long start) {
        LongestTurn longest = new LongestTurn(start);
        assertThat(longest.at(start)).isZero();
        longest.record(700, start + 1);
        longest.record(30, start + 2);
        assertThat(longest.at(start + 3)).isEqualTo(700);
        longest.record(40, start + WINDOW);
        assertThat(longest.at(start + WINDOW)).as("in the window before").isEqualTo(700);
        longest.record(50, start + 2 * WINDOW);
        assertThat(longest.at(start + 2 * WINDOW)).as("two windows ago").isEqualTo(50);
    }

    @Test
    void fallsWhileTheThreadSleeps() {
        LongestTurn longest = new LongestTurn(0);
        longest.record(700, 1);
        assertThat(longest.at(WINDOW)).isEqualTo(700);
        assertThat(longest.at(2 * WINDOW)).isZero();
        assertThat(longest.at(9 * WINDOW)).isZero();
        longest.record(30, 9 * WINDOW);
        assertThat(longest.at(9 * WINDOW))
                .as("the first turn after a long sleep")
                .isEqualTo(30);
    }
}
