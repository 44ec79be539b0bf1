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
 * The fast side has no fence of the processor, so the cold side pays for both. Results: did the call find the slot live; did
 * the cold side see the call inside. The call does not leave: what it would run is what must be waited for.
 */
@JCStressTest
@Description("A call enters a slot while that is made inert.")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "The call runs the handler, and is waited for.")
@Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "The call is late, and is waited for although it need not.")
@Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "The call is late, and was not there yet.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A handler runs that nobody waits for: what it uses is freed under it.")
@State
public class CallAgainstRetire {

    private static final Binding LIVE = binding();
    private static final Binding INERT = binding();

    /** Of one level, and of no thread that is asked for it: only the actor that calls writes it. */
    private static final ThreadRecord RECORD = Records.create();

    private final Slot slot = new Slot(1, LIVE);
    private final Frame frame = new Frame(RECORD, 0);

    private static Binding binding() {
        return new Binding(MethodHandles.zero(void.class), null, null, null, null, null);
    }

    @Actor
    @SuppressWarnings("ReferenceEquality")
    public void call(II_Result r) {
        r.r1 = Records.enter(frame, slot) == LIVE ? 1 : 0;
    }

    @Actor
    public void retire(II_Result r) {
        slot.bind(INERT);
        HeavyBarrier.issue();
        r.r2 = Frame.isOf(frame.held(), slot.id) ? 1 : 0;
    }
}
