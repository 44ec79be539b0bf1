package reactor.ffi.samples.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

/** No figure without checked work. */
class TallyTest {

    private final Tally tally = new Tally(new NativeSource());

    @Test
    void allEventsOfTwoThreadsAreAccepted() throws Exception {
        tally.expect(6);
        for (long thread = 0; thread < 2; thread++) {
            for (int i = 0; i < 3; i++) {
                tally.accept(new Event(thread << 32 | i, i * 0.5));
            }
        }
        assertThat(tally.await(2)).isPositive();
    }

    @Test
    void anEventThatCameTwiceInsteadOfAnotherIsAnError() {
        tally.expect(3);
        tally.accept(new Event(0, 0));
        tally.accept(new Event(1, 0.5));
        tally.accept(new Event(1, 0.5));

        assertThatThrownBy(() -> tally.await(1)).hasMessageContaining("lost, doubled or changed");
    }

    @Test
    void anEventWhoseValueChangedIsAnError() {
        tally.expect(2);
        tally.accept(new Event(0, 0));
        tally.accept(new Event(1, 0.25));

        assertThatThrownBy(() -> tally.await(1)).hasMessageContaining("lost, doubled or changed");
    }
}
