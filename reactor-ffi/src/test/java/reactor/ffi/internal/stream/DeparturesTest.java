package reactor.ffi.internal.stream;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.internal.loop.LoopScheduler;

class DeparturesTest {

    private final Departures departures = new Departures();

    @Test
    void aSubscriptionWaitsForAnEarlierOneThatIsCancelled() {
        Admission earlier = subscription();
        departures.begin(earlier);
        assertThat(departures.holdBack(subscription())).isTrue();
    }

    /** switchMap cancels on one thread what another thread is subscribing: it would wait for itself. */
    @Test
    void aSubscriptionThatIsCancelledJustBeforeItLooksDoesNotWait() {
        Admission cancelled = subscription();
        departures.begin(cancelled);
        assertThat(departures.holdBack(cancelled)).isFalse();
    }

    private Admission subscription() {
        return new Admission(departures, (LoopScheduler) CallbackScheduler.shared(), () -> {});
    }
}
