package reactor.ffi.internal.loop;

import java.lang.invoke.VarHandle;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** Results: did the loop see the work in its last look; is it still marked as asleep, with nobody to wake it. */
@JCStressTest
@Description("The loop goes to sleep while work comes.")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "It saw the work, and does not sleep.")
@Outcome(id = "1, 0", expect = Expect.ACCEPTABLE, desc = "It saw the work, and was woken besides.")
@Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "It did not see the work, and was woken.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A wake-up is lost: it sleeps with work to do.")
@State
public class ParkAgainstWake {

    /** Never started: unpark does nothing to it. */
    private static final Thread NOBODY = new Thread(() -> {});

    private final Idle idle = new Idle(NOBODY, 0);

    /** Plain, as in a queue: the fences are the protocol's. */
    private boolean work;

    public ParkAgainstWake() {
        idle.cancelStart(); // it is awake
    }

    @Actor
    public void loop(II_Result r) {
        idle.announce();
        r.r1 = work ? 1 : 0;
    }

    @Actor
    public void producer() {
        work = true;
        VarHandle.fullFence();
        idle.wake();
    }

    @Arbiter
    public void look(II_Result r) {
        r.r2 = Fields.isAwake(idle) ? 0 : 1;
    }
}
