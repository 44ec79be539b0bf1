package reactor.ffi.internal.call;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.MethodType;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.loop.TurnCall;
import reactor.ffi.internal.upcall.Refusal;

/** One call of a native thread that waits: its arguments, then its answer. */
final class AnsweredCall extends TurnCall {

    static final MethodType SPREAD = methodType(Object.class, Object.class, Object[].class);

    private final Answers answers;
    private final Object[] arguments;

    /** It wakes the scheduler when it is queued. */
    private final boolean wakes;

    /** Written by who runs it, read by the caller after it is done. */
    private @Nullable Object result;

    private @Nullable Throwable thrown;

    AnsweredCall(Answers answers, Object[] arguments, boolean wakes) {
        this.answers = answers;
        this.arguments = arguments;
        this.wakes = wakes;
    }

    @Override
    protected void run() {
        if (answers.closed) {
            thrown = new Refusal("the callback was closed while a call waited", null);
            return;
        }
        try {
            result = (Object) answers.spread.invokeExact(answers.handler, arguments);
        } catch (Throwable e) {
            thrown = answers.handlerThrew(e);
        }
    }

    /** The caller, once it was run. */
    @Nullable
    Object answer() throws Throwable {
        if (thrown != null) {
            throw thrown;
        }
        return result;
    }

    boolean tooMany() {
        return isRefused();
    }

    @Override
    protected void sleeps() {
        answers.sleeps(this, wakes);
    }

    @Override
    protected void awoke() {
        answers.awake(this);
    }
}
