package reactor.ffi.internal.loop;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** Result: a plain counter that each holder increments. A wake-up that is lost would be a run that does not end. */
@JCStressTest
@Description("Two threads take the baton, and sleep if it is not free.")
@Outcome(id = "200", expect = Expect.ACCEPTABLE, desc = "One after the other.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Two at once.")
@State
public class TakingAgainstReleasing {

    private final Baton baton = free();
    private int counter;

    private static Baton free() {
        Baton baton = new Baton(Thread.currentThread());
        baton.release();
        return baton;
    }

    private void hold() {
        for (int i = 0; i < 100; i++) {
            baton.take();
            counter++;
            baton.release();
        }
    }

    @Actor
    public void one() {
        hold();
    }

    @Actor
    public void other() {
        hold();
    }

    @Arbiter
    public void count(I_Result r) {
        r.r1 = counter;
    }
}
