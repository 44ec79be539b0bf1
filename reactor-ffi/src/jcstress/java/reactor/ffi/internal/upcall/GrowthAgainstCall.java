package reactor.ffi.internal.upcall;

import java.lang.foreign.MemorySegment;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * A call takes no lock. Results: has the call found the slot of its user data; did a call that comes after the growth on the
 * same thread find the new one.
 */
@JCStressTest
@Description("A call looks its slot up while a registration makes the table grow.")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "Both slots are found.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A call that is for a live registration finds nobody.")
@State
public class GrowthAgainstCall {

    private static final Binding UNBOUND = Records.binding(0);
    private static final long LOW = 1L << 63 | 7;
    private static final long HIGH = 1L << 63 | 100;

    /** Its slots have one id: there are not as many as jcstress would use. */
    private final SlotTable table = new SlotTable(new Slot(1, UNBOUND)) {
        @Override
        Slot create(Binding first) {
            return new Slot(1, first);
        }

        @Override
        Binding unknown(long userData) {
            throw new AssertionError("no call is compared here");
        }
    };

    private final Slot slot = table.slot(LOW, MemorySegment.NULL);

    @Actor
    @SuppressWarnings("ReferenceEquality")
    public void call(II_Result r) {
        r.r1 = table.find(LOW) == slot ? 1 : 0;
    }

    @Actor
    @SuppressWarnings("ReferenceEquality")
    public void grow(II_Result r) {
        Slot high = table.slot(HIGH, MemorySegment.NULL);
        r.r2 = table.find(HIGH) == high && table.find(LOW) == slot ? 1 : 0;
    }
}
