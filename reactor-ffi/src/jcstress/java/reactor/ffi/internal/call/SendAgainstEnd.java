package reactor.ffi.internal.call;

import java.util.concurrent.RejectedExecutionException;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.internal.loop.Fields;

/**
 * A sender that has seen an open scheduler, in the last moments of a value whose scheduler is disposed. The scheduler's
 * thread has no part in it: an actor does what that would do. Results: how many messages were run, or told that they would
 * not be; how many were treated in another way, or twice.
 */
@JCStressTest
@Description("A thread sends, while the value is released because its scheduler is disposed.")
@Outcome(
        id = "4, 0",
        expect = Expect.ACCEPTABLE,
        desc = "Each message was run before the release, or heard of it, once.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A message that was lost, that had two ends, or that ran after the release.")
@State
public class SendAgainstEnd {

    private static final CallbackOptions OPTIONS = CallbackOptions.named("jcstress")
            .on(CallbackScheduler.create("jcstress"))
            .keepAlive(false);

    private final ConfinedValue<boolean[]> value =
            new ConfinedValue<>(OPTIONS, () -> new boolean[1], released -> released[0] = true);
    private final Told[] messages = {new Told(), new Told(), new Told(), new Told()};

    public SendAgainstEnd() {
        Fields.keepAwake(value);
    }

    private static final class Told extends ConfinedValue.Message<boolean[]> {

        private int right;
        private int wrong;

        @Override
        synchronized void run(boolean[] released) {
            if (released[0]) {
                wrong++;
            } else {
                right++;
            }
        }

        @Override
        synchronized void failed(Throwable error, CallbackOptions options) {
            if (error.getMessage().contains("is released")) {
                right++;
            } else {
                wrong++;
            }
        }
    }

    @Actor
    public void sender() {
        for (Told message : messages) {
            try {
                if (!value.offer(message)) {
                    value.refuseRest();
                }
            } catch (IllegalStateException gone) {
                message.failed(gone, OPTIONS);
            }
        }
    }

    @Actor
    public void loop() {
        value.end(new RejectedExecutionException());
        while (value.hasWork()) {
            value.drain(2);
        }
        for (int i = 0; i < 50; i++) {
            value.drain(2); // as long as it is active the loop looks at it, whatever it says
        }
    }

    @Arbiter
    public void count(II_Result r) {
        for (Told message : messages) {
            r.r1 += message.right == 1 ? 1 : 0;
            r.r2 += message.wrong + Math.max(0, message.right - 1);
        }
    }
}
