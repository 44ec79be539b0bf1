package reactor.ffi.internal.loop;

import java.util.concurrent.TimeUnit;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import reactor.ffi.SchedulerOptions;

/** The whole way, with a real scheduler. Results: what the caller was told, and how often its call was run. */
@JCStressTest
@Description("A call is handed over, while its limit passes and its callback is closed.")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "Run, and answered.")
@Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "Not run: the limit, or the close, came first.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Run for a caller that has gone, or an answer without a run.")
@State
public class HandOverAgainstTimeOutAndClose {

    private static final LoopScheduler SCHEDULER = LoopScheduler.create(SchedulerOptions.named("jcstress"));
    private static final long LIMIT = TimeUnit.MICROSECONDS.toNanos(10);

    private volatile Call call;
    private int runs;

    private final class Call extends TurnCall {

        @Override
        protected void run() {
            runs++;
        }
    }

    @Actor
    public void caller(II_Result r) {
        Call mine = new Call();
        call = mine;
        r.r1 = SCHEDULER.callers().call(mine, LIMIT, true) ? 1 : 0;
    }

    @Actor
    public void closer() {
        Call seen = call;
        if (seen != null) {
            seen.abandon();
        }
    }

    @Arbiter
    public void count(II_Result r) {
        r.r2 = runs;
    }
}
