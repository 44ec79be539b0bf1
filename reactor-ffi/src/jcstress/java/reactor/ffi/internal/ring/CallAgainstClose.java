package reactor.ffi.internal.ring;

import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** Results: what C gets; how many records the end found; how many calls count as late. */
@JCStressTest
@Description("A listener is called while its stream ends.")
@Outcome(id = "1, 1, 0", expect = Expect.ACCEPTABLE, desc = "The call is taken, and the end finds its record.")
@Outcome(
        id = "1, 0, 1",
        expect = Expect.ACCEPTABLE,
        desc = "The call is taken, and its record comes after the end: late.")
@Outcome(id = "3, 0, 1", expect = Expect.ACCEPTABLE, desc = "The call finds the ring closed.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A call counts twice, or for nobody, or finds a ring full that is empty.")
@State
public class CallAgainstClose {

    private final AtomicInteger late = new AtomicInteger();
    private final OneRecord one = new OneRecord(WhenFull.DROP, (full, tooLate) -> late.addAndGet((int) tooLate));

    @Actor
    public void call(III_Result r) {
        r.r1 = one.call();
    }

    @Actor
    public void end(III_Result r) {
        one.ring.close();
        if (one.ring.peek(one.ring.tail()) != 0) {
            one.ring.take();
            r.r2 = 1;
        }
    }

    @Arbiter
    public void count(III_Result r) {
        boolean _ = one.ring.isSettled();
        r.r3 = late.get();
    }
}
