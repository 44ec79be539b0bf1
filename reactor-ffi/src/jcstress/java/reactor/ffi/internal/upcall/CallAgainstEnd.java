package reactor.ffi.internal.upcall;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * As {@link CallAgainstRetire}, of a shared stub: the call also compares the user data. Results: did the call find the handler;
 * did the cold side see the call inside.
 */
@JCStressTest
@Description("A call with user data enters a slot while its registration ends.")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "The call runs the handler, and is waited for.")
@Outcome(id = "2, 1", expect = Expect.ACCEPTABLE, desc = "The call is late, and is waited for although it need not.")
@Outcome(id = "2, 0", expect = Expect.ACCEPTABLE, desc = "The call is late, and was not there yet.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A handler runs that nobody waits for, or a late call counts for nobody.")
@State
public class CallAgainstEnd {

    private static final long USER_DATA = 1L << 63 | 7;
    private static final Binding LIVE = Records.binding(USER_DATA);
    private static final Binding INERT = Records.binding(USER_DATA);
    private static final ThreadRecord RECORD = Records.create();
    private static final Route ROUTE = Records.route();

    private final Slot slot = new Slot(1, LIVE);
    private final Frame frame = new Frame(RECORD, 0);

    @Actor
    @SuppressWarnings("ReferenceEquality")
    public void call(II_Result r) {
        Binding found = Records.enter(frame, slot, ROUTE, USER_DATA);
        r.r1 = found == LIVE ? 1 : found == INERT ? 2 : 3;
    }

    @Actor
    public void end(II_Result r) {
        slot.bind(INERT);
        HeavyBarrier.issue();
        r.r2 = Frame.isOf(frame.held(), slot.id) ? 1 : 0;
    }
}
