package reactor.ffi.internal.loop;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** Results: did the borrower get the turn; what the plain counter, which both increment under the turn, is in the end. */
@JCStressTest
@Description("A borrower takes a lent turn while the lend ends.")
@Outcome(id = "0, 2", expect = Expect.ACCEPTABLE, desc = "The borrower came before the lend, or after it.")
@Outcome(id = "1, 3", expect = Expect.ACCEPTABLE, desc = "It ran in the lend, and the owner after it.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Two at once: an increment is lost.")
@State
public class LendingAgainstEnding {

    /** Never started: stands for the thread that the owner takes the place of. */
    private static final Thread NOBODY = new Thread(() -> {});

    private final Turn turn = new Turn(NOBODY, new Idle(NOBODY, 0));
    private int counter;

    @Actor
    public void owner() {
        turn.seize(NOBODY, Baton.NEVER);
        counter++;
        turn.lend();
        turn.takeBack();
        counter++;
    }

    @Actor
    public void borrower(II_Result r) {
        for (int i = 0; i < 100 && r.r1 == 0; i++) {
            if (turn.isLent() && turn.tryBorrow()) {
                if (turn.isLent()) {
                    counter++;
                    r.r1 = 1;
                }
                turn.giveBack();
            }
        }
    }

    @Arbiter
    public void count(II_Result r) {
        r.r2 = counter;
    }
}
