package reactor.ffi.internal.call;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** Results: whether the send was taken; how often it ran before the release; how often the value was released. */
@JCStressTest
@Description("The last owner closes its handle, while another thread sends through it.")
@Outcome(id = "1, 1, 1", expect = Expect.ACCEPTABLE, desc = "The send came first: it ran, then the value was released.")
@Outcome(id = "0, 0, 1", expect = Expect.ACCEPTABLE, desc = "The close came first: the send was refused.")
@Outcome(
        expect = Expect.FORBIDDEN,
        desc =
                "A send that was taken and lost, that ran after the release, or although it was refused; a release too many.")
@State
public class LastCloseAgainstSend {

    private final ConfinedWitness witness = new ConfinedWitness();

    @Actor
    public void closer() {
        witness.first.close();
    }

    @Actor
    public void sender(III_Result r) {
        try {
            witness.first.send(ConfinedWitness::used);
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
