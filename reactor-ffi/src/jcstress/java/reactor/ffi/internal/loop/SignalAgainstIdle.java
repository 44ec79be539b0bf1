package reactor.ffi.internal.loop;

import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * A producer whose claim is its only fence. Results: does the loop look at the source again, because it saw the work or was
 * given the source anew; how often the source is drained in that look.
 */
@JCStressTest
@Description("The loop marks a source as idle while a producer claims and signals.")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "The work is seen, and the source is there once.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Work is lost in an idle source, or a source is there twice.")
@State
public class SignalAgainstIdle {

    /** Never started: unpark does nothing to it. */
    private static final Thread NOBODY = new Thread(() -> {});

    private final Idle idle = new Idle(NOBODY, 0);
    private final Sources sources = new Sources(idle);
    private final Work work = new Work(sources);

    public SignalAgainstIdle() {
        idle.cancelStart(); // the loop is awake
        work.signal();
        sources.drain(); // the source is active
        work.drained = 0;
    }

    private static final class Work extends QuietSource {

        private final AtomicInteger claimed = new AtomicInteger();
        private int drained;

        Work(Sources sources) {
            super(sources);
        }

        @Override
        protected boolean drain(int budget) {
            drained++;
            return true;
        }

        @Override
        protected boolean hasWork() {
            return claimed.get() > 0;
        }
    }

    @Actor
    public void loop(II_Result r) {
        r.r1 = sources.quiesce() ? 0 : 1;
    }

    @Actor
    public void producer() {
        work.claimed.incrementAndGet();
        work.signalClaimed();
    }

    @Arbiter
    public void look(II_Result r) {
        if (sources.hasReady()) {
            r.r1 = 1;
        }
        sources.drain();
        r.r2 = work.drained;
    }
}
