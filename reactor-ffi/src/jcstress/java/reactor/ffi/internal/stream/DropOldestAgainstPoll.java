package reactor.ffi.internal.stream;

import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/**
 * Overflow.dropOldest: who finds the queue full makes room. Results: values with no end; values with two; values that the
 * consumer got out of order.
 */
@JCStressTest
@Description("A thread that drops the oldest value where the queue is full, and the consumer, both take from it.")
@Outcome(id = "0, 0, 0", expect = Expect.ACCEPTABLE, desc = "Each value was delivered, discarded or is queued; once.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A value that is lost, or both discarded and delivered, or overtaken.")
@State
public class DropOldestAgainstPoll {

    private static final int OFFERS = 6;

    private final EventQueue<Integer> queue = new EventQueue<>(true);
    private final int[] discarded = new int[OFFERS];
    private final int[] delivered = new int[OFFERS];
    private int last = -1;
    private int disorder;

    /** As Inbox drops. */
    @Actor
    public void producer() {
        for (int i = 0; i < OFFERS; i++) {
            int outcome = EventQueue.FULL;
            while (outcome == EventQueue.FULL) {
                discard(queue.evict(1));
                outcome = queue.offer(i, 1);
            }
        }
    }

    private void discard(@Nullable Integer oldest) {
        if (oldest != null) {
            discarded[oldest]++;
        }
    }

    @Actor
    public void consumer() {
        for (int i = 0; i < 4; i++) {
            deliver();
        }
    }

    private void deliver() {
        Integer value = queue.poll();
        if (value != null) {
            disorder += value <= last ? 1 : 0;
            last = value;
            delivered[value]++;
        }
    }

    @Arbiter
    public void count(III_Result r) {
        deliver(); // at most one is left
        for (int i = 0; i < OFFERS; i++) {
            int ends = discarded[i] + delivered[i];
            r.r1 += ends == 0 ? 1 : 0;
            r.r2 += ends > 1 ? 1 : 0;
        }
        r.r3 = disorder;
    }
}
