package reactor.ffi.internal.stream;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** Results: the most that was queued at once; values lost, doubled or invented; values out of order. */
@JCStressTest
@Description("A thread fills a queue of two while the consumer takes.")
@Outcome(id = "[012], 0, 0", expect = Expect.ACCEPTABLE, desc = "Within the limit, each once, in order.")
@Outcome(expect = Expect.FORBIDDEN, desc = "More than the limit, or a value that is lost, doubled or overtaken.")
@State
public class OfferAgainstPoll {

    private static final int OFFERS = 6;
    private static final int LIMIT = 2;

    private final EventQueue<Integer> queue = new EventQueue<>();
    private final boolean[] takenIn = new boolean[OFFERS];
    private final int[] taken = new int[OFFERS];
    private int last = -1;
    private int disorder;

    @Actor
    public void producer() {
        for (int i = 0; i < OFFERS; i++) {
            takenIn[i] = queue.offer(i, LIMIT) == EventQueue.OFFERED;
        }
    }

    /** Who takes knows exactly how many were taken: the size that it reads is no less than what there is. */
    @Actor
    public void consumer(III_Result r) {
        for (int i = 0; i < 4; i++) {
            r.r1 = (int) Math.max(r.r1, queue.size());
            take();
        }
    }

    private boolean take() {
        Integer value = queue.poll();
        if (value == null) {
            return false;
        }
        disorder += value <= last ? 1 : 0;
        last = value;
        taken[value]++;
        return true;
    }

    @Arbiter
    public void count(III_Result r) {
        r.r1 = (int) Math.max(r.r1, queue.size());
        boolean more = true;
        while (more) {
            more = take();
        }
        for (int i = 0; i < OFFERS; i++) {
            r.r2 += taken[i] == (takenIn[i] ? 1 : 0) ? 0 : 1;
        }
        r.r3 = disorder;
    }
}
