package reactor.ffi.internal.upcall;

import java.lang.invoke.MethodHandles;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * Two threads call a slot that has no last caller yet: each finds what the other has written of itself, in part or in whole.
 * Results: whether each of the two got a frame of its own record, twice.
 */
@JCStressTest
@Description("Two threads find their records by way of one slot.")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "Each thread writes its own record.")
@Outcome(
        expect = Expect.FORBIDDEN,
        desc = "A thread writes the record of another: a handler runs that nobody waits for.")
@State
public class CallAgainstCall {

    private static final Binding BINDING = new Binding(MethodHandles.zero(void.class), null, null, null, null, null);

    private final Slot slot = new Slot(1, BINDING);

    @Actor
    public void one(II_Result r) {
        r.r1 = getsItsOwn();
    }

    @Actor
    public void another(II_Result r) {
        r.r2 = getsItsOwn();
    }

    private int getsItsOwn() {
        Frame first = Records.next(slot);
        Frame second = Records.next(slot);
        return Records.isOfThisThread(first) && Records.isOfThisThread(second) ? 1 : 0;
    }
}
