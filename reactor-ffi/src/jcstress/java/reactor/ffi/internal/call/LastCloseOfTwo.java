package reactor.ffi.internal.call;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import reactor.ffi.Confined;

/** Results: how many sends ran before the release; how often the value was released. */
@JCStressTest
@Description("Two owners send, each through its own handle, and close it: either close may be the last one.")
@Outcome(id = "2, 1", expect = Expect.ACCEPTABLE, desc = "Both sends ran, then the value was released.")
@Outcome(
        expect = Expect.FORBIDDEN,
        desc = "A send that came before its owner's close and was lost; a release too many.")
@State
public class LastCloseOfTwo {

    private final ConfinedWitness witness = new ConfinedWitness();
    private final Confined<ConfinedWitness> second = witness.first.share();

    private static void sendAndClose(Confined<ConfinedWitness> handle) {
        handle.send(ConfinedWitness::used);
        handle.close();
    }

    @Actor
    public void one() {
        sendAndClose(witness.first);
    }

    @Actor
    public void other() {
        sendAndClose(second);
    }

    @Arbiter
    public void count(II_Result r) {
        witness.awaitReleased();
        r.r1 = witness.uses();
        r.r2 = witness.releases();
    }
}
