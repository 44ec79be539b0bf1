package reactor.ffi.internal.loop;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** Results: was the source taken in; was it told of the end. */
@JCStressTest
@Description("A source subscribes while its scheduler is disposed and tells all that it has.")
@Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "It came too late, and was refused.")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "It came in time, and unregisters.")
@Outcome(
        expect = Expect.FORBIDDEN,
        desc = "A subscription that outlives its scheduler, or an end of one that never was.")
@State
public class AttachAgainstDispose {

    private final Lifecycle lifecycle = new Lifecycle();
    private final Told source = new Told(new Sources(new Idle(Thread.currentThread(), 0)));

    private static final class Told extends QuietSource {

        private int ends;

        Told(Sources sources) {
            super(sources);
        }

        @Override
        protected void end(Throwable cause) {
            ends++;
        }
    }

    @Actor
    public void register(II_Result r) {
        r.r1 = lifecycle.attach(source) ? 1 : 0;
    }

    /** What the loop does first when it is disposed. */
    @Actor
    public void shutdown() {
        lifecycle.dispose(true);
        lifecycle.each(told -> told.end(new IllegalStateException("disposed")));
    }

    @Arbiter
    public void count(II_Result r) {
        r.r2 = source.ends;
    }
}
