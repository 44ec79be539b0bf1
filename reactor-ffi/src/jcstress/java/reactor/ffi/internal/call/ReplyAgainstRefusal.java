package reactor.ffi.internal.call;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import reactor.ffi.SchedulerOptions;
import reactor.ffi.internal.loop.LoopScheduler;

/** Results: was the reply told that it was in time; what the caller got. */
@JCStressTest
@Description("An exchange is answered while its limit passes, or its subscription ends.")
@Outcome(id = "1, 42", expect = Expect.ACCEPTABLE, desc = "In time, and the caller has the answer.")
@Outcome(id = "0, -7", expect = Expect.ACCEPTABLE, desc = "Too late, and the caller has the fallback.")
@Outcome(
        expect = Expect.FORBIDDEN,
        desc = "An answer that is said to have arrived and has not, or the other way round, or is half written.")
@State
public class ReplyAgainstRefusal {

    private static final LoopScheduler SCHEDULER = LoopScheduler.create(SchedulerOptions.named("jcstress"));

    private final OpenExchange<Integer, Integer> exchange =
            new OpenExchange<>(1, "jcstress", late -> {}, Long.MAX_VALUE);

    @Actor
    public void answerer(II_Result r) {
        r.r1 = exchange.reply(42) ? 1 : 0;
    }

    @Actor
    public void caller(II_Result r) {
        exchange.refuse(); // as the limit does, and the end
        Integer answer = exchange.await(-7, SCHEDULER.thread());
        r.r2 = answer == null ? 0 : answer;
    }
}
