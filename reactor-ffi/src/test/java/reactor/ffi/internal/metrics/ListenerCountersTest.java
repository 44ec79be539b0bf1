package reactor.ffi.internal.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What native memory counts for listeners, and how much of it is remembered. */
class ListenerCountersTest {

    private final ListenerCounters counters = new ListenerCounters();

    /** Nobody may ever ask for a snapshot: what is remembered must not grow with each registration. */
    @Test
    void aPlaceThatIsUsedAgainIsRememberedOnce() {
        AtomicInteger read = new AtomicInteger();
        for (int life = 0; life < 1000; life++) {
            counters.add("one of two places", () -> read.incrementAndGet() > 0);
            counters.add("the other", () -> read.incrementAndGet() > 0);
        }
        counters.update();
        assertThat(read).hasValue(2);
    }

    @Test
    void aPlaceThatCountsForAnotherNameIsForgotten() {
        AtomicInteger read = new AtomicInteger();
        counters.add("place", () -> read.incrementAndGet() < 2);
        for (int snapshot = 0; snapshot < 5; snapshot++) {
            counters.update();
        }
        assertThat(read).hasValue(2);
    }
}
