package reactor.ffi.internal.life;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** Results: the count; whether a token is out. */
@JCStressTest
@Description("Two threads ref and unref, each as often as the other.")
@Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "All that was taken was given back.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A count that is lost, or a token that does not belong to it.")
@State
public class RefAgainstUnref {

    private static final VarHandle TOKEN = token();

    private final Hold hold = new Hold();
    private final Refs refs = new Refs(hold);

    private static VarHandle token() {
        try {
            return MethodHandles.privateLookupIn(Hold.class, MethodHandles.lookup())
                    .findVarHandle(Hold.class, "token", KeepAlive.Token.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private void refAndUnref() {
        for (int i = 0; i < 10; i++) {
            refs.ref();
            refs.unref();
        }
    }

    @Actor
    public void one() {
        refAndUnref();
    }

    @Actor
    public void other() {
        refAndUnref();
    }

    @Arbiter
    public void count(II_Result r) {
        r.r1 = refs.count();
        r.r2 = TOKEN.getVolatile(hold) != null ? 1 : 0;
        refs.clear();
    }
}
