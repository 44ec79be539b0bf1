package reactor.ffi.internal.loop;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** Results: did the scheduler claim the call; what became of the caller: 0 withdrew, else the answer that it read; runs. */
@JCStressTest
@Description("The scheduler takes a call up while its caller's limit passes, or its callback is closed.")
@Outcome(id = "1, 42, 1", expect = Expect.ACCEPTABLE, desc = "The call was run, and its caller has the answer.")
@Outcome(id = "0, 0, 0", expect = Expect.ACCEPTABLE, desc = "The caller withdrew it, and it was not run.")
@Outcome(
        expect = Expect.FORBIDDEN,
        desc = "Run for a caller that has gone, or lost, or an answer that is not there yet.")
@State
public class HandOverAgainstTimeOut {

    private final Call call = new Call();

    private static final class Call extends TurnCall {

        /** Plain, as an answer is. */
        private int answer;

        private int runs;

        @Override
        protected void run() {
            answer = 42;
            runs++;
        }
    }

    @Actor
    public void scheduler(III_Result r) {
        if (call.claim()) {
            r.r1 = 1;
            call.perform();
        }
    }

    @Actor
    public void caller(III_Result r) {
        if (!call.withdraw()) {
            while (!call.isDone()) {
                Thread.onSpinWait();
            }
            r.r2 = call.answer;
        }
    }

    @Arbiter
    public void count(III_Result r) {
        r.r3 = call.runs;
    }
}
