package reactor.ffi.internal.stream;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** Overflow.latest, by two producers. Results: values with no end; values with two; values that are left. */
@JCStressTest
@Description("Two threads evict each other's values from a queue of one, written or not.")
@Outcome(id = "0, 0, 1", expect = Expect.ACCEPTABLE, desc = "Each value was discarded once, but the one that is left.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A value that is lost, or discarded twice, or too many are left.")
@State
public class DropOldestAgainstDropOldest {

    private static final int OFFERS = 4;

    private final EventQueue<Integer> queue = new EventQueue<>(true);

    /** By whom, and which. */
    private final int[][] discarded = new int[2][2 * OFFERS];

    private void produce(int me) {
        for (int i = 0; i < OFFERS; i++) {
            int value = me * OFFERS + i;
            int outcome = EventQueue.FULL;
            while (outcome == EventQueue.FULL) {
                Integer oldest = queue.evict(1);
                if (oldest != null) {
                    discarded[me][oldest]++;
                }
                outcome = queue.offer(value, 1);
            }
            if (outcome == EventQueue.EVICTED) {
                discarded[me][value]++;
            }
        }
    }

    @Actor
    public void first() {
        produce(0);
    }

    @Actor
    public void second() {
        produce(1);
    }

    @Arbiter
    public void count(III_Result r) {
        int left = -1;
        for (Integer value = queue.poll(); value != null; value = queue.poll()) {
            left = value;
            r.r3++;
        }
        for (int i = 0; i < 2 * OFFERS; i++) {
            int ends = discarded[0][i] + discarded[1][i] + (left == i ? 1 : 0);
            r.r1 += ends == 0 ? 1 : 0;
            r.r2 += ends > 1 ? 1 : 0;
        }
    }
}
