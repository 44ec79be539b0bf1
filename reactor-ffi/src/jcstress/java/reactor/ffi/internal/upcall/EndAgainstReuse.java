package reactor.ffi.internal.upcall;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * A registration ends, and its index has another life at once, where no call is inside. Results: whose handler the call with
 * the user data of the first life has found (0: nobody's); whether the index has its next life.
 */
@JCStressTest
@Description("A call comes while the index of its user data is given to the next registration.")
@Outcome(id = "1, 0", expect = Expect.ACCEPTABLE, desc = "The handler runs, and the index waits for it.")
@Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "The call is late, and the index waits although it need not.")
@Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "The call is late or unknown, the index has its next life.")
@Outcome(id = "2, .*", expect = Expect.FORBIDDEN, desc = "The call runs the handler of another registration.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A handler of the first life runs in the second: nobody waits for it.")
@State
public class EndAgainstReuse {

    private static final long FIRST = 1L << 63 | 1L << 30 | 7;
    private static final long SECOND = 1L << 63 | 1L << 31 | 7;
    private static final Binding LIVE = Records.binding(FIRST);
    private static final Binding INERT = Records.binding(FIRST);
    private static final Binding NEXT = Records.binding(SECOND);
    private static final ThreadRecord RECORD = Records.create();
    private static final Route ROUTE = Records.route();

    private final Slot slot = new Slot(1, LIVE);
    private final Frame frame = new Frame(RECORD, 0);

    @Actor
    @SuppressWarnings("ReferenceEquality")
    public void call(II_Result r) {
        Binding found = Records.enter(frame, slot, ROUTE, FIRST);
        r.r1 = found == LIVE ? 1 : found == NEXT ? 2 : 0;
    }

    @Actor
    public void endAndReuse(II_Result r) {
        slot.bind(INERT);
        HeavyBarrier.issue();
        if (!Frame.isOf(frame.held(), slot.id)) {
            slot.bind(NEXT);
            r.r2 = 1;
        }
    }
}
