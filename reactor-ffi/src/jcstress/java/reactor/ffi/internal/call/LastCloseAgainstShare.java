package reactor.ffi.internal.call;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import reactor.ffi.Confined;

/** Results: whether there was a clone; how often its send ran before the release; how often the value was released. */
@JCStressTest
@Description("The last owner closes its handle, while another thread shares it, and uses and closes its clone.")
@Outcome(id = "1, 1, 1", expect = Expect.ACCEPTABLE, desc = "The share came first: the clone's close was the last one.")
@Outcome(id = "0, 0, 1", expect = Expect.ACCEPTABLE, desc = "The close came first: the share was refused.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A value that was released under its new owner, twice, or not at all.")
@State
public class LastCloseAgainstShare {

    private final ConfinedWitness witness = new ConfinedWitness();

    @Actor
    public void closer() {
        witness.first.close();
    }

    @Actor
    public void sharer(III_Result r) {
        try (Confined<ConfinedWitness> clone = witness.first.share()) {
            clone.send(ConfinedWitness::used);
            r.r1 = 1;
        } catch (IllegalStateException refused) {
            r.r1 = 0;
        }
    }

    @Arbiter
    public void count(III_Result r) {
        witness.awaitReleased();
        r.r2 = witness.uses();
        r.r3 = witness.releases();
    }
}
