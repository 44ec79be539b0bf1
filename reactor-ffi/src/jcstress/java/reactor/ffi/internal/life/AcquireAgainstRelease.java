package reactor.ffi.internal.life;

import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** Result: tokens that are out although all were given back. */
@JCStressTest
@Description("Two threads give back the same token of the JVM's life, while both take others.")
@Outcome(
        id = "0",
        expect = Expect.ACCEPTABLE,
        desc = "Each token counts once when it is taken and once when it is back.")
@Outcome(
        expect = Expect.FORBIDDEN,
        desc = "A count that is lost: the JVM never ends, or ends under a subscription that lives.")
@State
public class AcquireAgainstRelease {

    private volatile KeepAlive.@Nullable Token both;

    @Actor
    public void one() {
        KeepAlive.Token token = KeepAlive.acquire();
        both = token;
        KeepAlive.Token own = KeepAlive.acquire();
        token.release();
        own.release();
    }

    @Actor
    public void other() {
        KeepAlive.Token own = KeepAlive.acquire();
        KeepAlive.Token token = both;
        if (token != null) {
            token.release();
        }
        own.release();
    }

    /** No actor of any state runs now. */
    @Arbiter
    public void count(I_Result r) {
        r.r1 = (int) KeepAlive.tokens();
    }
}
