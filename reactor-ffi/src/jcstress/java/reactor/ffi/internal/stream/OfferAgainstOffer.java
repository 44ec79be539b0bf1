package reactor.ffi.internal.stream;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** Results: how many are queued; how many were told so; how many come out, in the order of their threads. */
@JCStressTest
@Description("Two threads offer three values each to a queue that takes four.")
@Outcome(id = "4, 4, 4", expect = Expect.ACCEPTABLE, desc = "Four are taken in, and are there.")
@Outcome(expect = Expect.FORBIDDEN, desc = "More than the limit, or one that is lost, doubled or overtaken.")
@State
public class OfferAgainstOffer {

    private static final int EACH = 3;

    private final EventQueue<Integer> queue = new EventQueue<>();

    private int offer(int from) {
        int taken = 0;
        for (int i = from; i < from + EACH; i++) {
            taken += queue.offer(i, 4) == EventQueue.OFFERED ? 1 : 0;
        }
        return taken;
    }

    @Actor
    public void one(III_Result r) {
        r.r1 = offer(0);
    }

    @Actor
    public void other(III_Result r) {
        r.r3 = offer(EACH);
    }

    @Arbiter
    public void count(III_Result r) {
        r.r2 = r.r1 + r.r3;
        r.r1 = (int) queue.size();
        r.r3 = 0;
        int[] last = {-1, -1};
        Integer value;
        while ((value = queue.poll()) != null) {
            int producer = value / EACH;
            r.r3 += value > last[producer] ? 1 : 0;
            last[producer] = value;
        }
    }
}
