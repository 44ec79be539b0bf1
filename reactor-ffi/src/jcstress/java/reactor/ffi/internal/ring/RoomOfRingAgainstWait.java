package reactor.ffi.internal.ring;

import java.util.concurrent.TimeUnit;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** Result: what C gets for a call that may find the ring full. */
@JCStressTest
@Description("A listener's call waits for room while the consumer makes some.")
@Outcome(id = "1", expect = Expect.ACCEPTABLE, desc = "The call is taken.")
@Outcome(expect = Expect.FORBIDDEN, desc = "The call has slept until its limit, as the wake-up was missed.")
@State
public class RoomOfRingAgainstWait {

    private final OneRecord one = new OneRecord(WhenFull.WAIT, (full, late) -> {});

    public RoomOfRingAgainstWait() {
        one.ring.letWait(TimeUnit.SECONDS.toNanos(30), 1);
        Words.setInt(one.ring.address() + RingLayout.SPINS, 0);
        int _ = one.call();
    }

    @Actor
    public void call(I_Result r) {
        r.r1 = one.call();
    }

    @Actor
    public void makeRoom() {
        one.ring.take();
        one.ring.release(false);
    }
}
