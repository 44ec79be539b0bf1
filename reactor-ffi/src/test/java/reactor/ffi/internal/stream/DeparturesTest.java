package reactor.ffi.internal.stream;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import reactor.core.publisher.BaseSubscriber;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.internal.loop.LoopScheduler;

class DeparturesTest {

    private final Departures departures = new Departures();

    @Test
    void aSubscriptionWaitsForAnEarlierOneThatIsCancelled() {
        NativeSubscription<Integer> earlier = subscription();
        departures.begin(earlier);
        assertThat(departures.holdBack(subscription())).isTrue();
    }

    /** switchMap cancels on one thread what another thread is subscribing: it would wait for itself. */
    @Test
    void aSubscriptionThatIsCancelledJustBeforeItLooksDoesNotWait() {
        NativeSubscription<Integer> cancelled = subscription();
        departures.begin(cancelled);
        assertThat(departures.holdBack(cancelled)).isFalse();
    }

    private NativeSubscription<Integer> subscription() {
        LoopScheduler scheduler = (LoopScheduler) CallbackScheduler.shared();
        return new NativeSubscription<>(
                new BaseSubscriber<>() {},
                CallbackOptions.named("departures").on(scheduler),
                scheduler,
                1,
                sink -> {},
                departures);
    }
}
