package reactor.ffi.internal.stream;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** The end of a subscription. Results: values that were lost; values that had two ends, or the wrong one. */
@JCStressTest
@Description("A thread offers while the subscription ends: it closes the queue, and discards what is in it.")
@Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "Each value was taken in and discarded, or refused; once.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A value is taken in that nobody will discard, or is refused and taken in.")
@State
public class OfferAgainstClose {

    private static final int OFFERS = 6;

    private final EventQueue<Integer> queue = new EventQueue<>();
    private final boolean[] takenIn = new boolean[OFFERS];
    private final int[] discarded = new int[OFFERS];

    @Actor
    public void producer() {
        for (int i = 0; i < OFFERS; i++) {
            takenIn[i] = queue.offer(i, 4) == EventQueue.OFFERED;
        }
    }

    /** As NativeSubscription ends. */
    @Actor
    public void end() {
        queue.close();
        while (!queue.isEmpty()) {
            Integer value = queue.poll();
            if (value == null) {
                Thread.onSpinWait();
            } else {
                discarded[value]++;
            }
        }
    }

    @Arbiter
    public void count(II_Result r) {
        for (int i = 0; i < OFFERS; i++) {
            int expected = takenIn[i] ? 1 : 0;
            r.r1 += discarded[i] < expected ? 1 : 0;
            r.r2 += discarded[i] > expected ? 1 : 0;
        }
    }
}
