package reactor.ffi.internal.call;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.MethodType;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.loop.TurnCall;
import reactor.ffi.internal.upcall.Refusal;

/** The call of a native thread that waits for an answer: holds the arguments of the call, then its result. */
final class AnsweredCall extends TurnCall {

    static final MethodType SPREAD = methodType(Object.class, Object.class, Object[].class);

    private final Answers answers;
    private final Object[] arguments;

    /** Whether queueing the call wakes the scheduler. */
    private final boolean wakes;

    /** Written by the thread that runs the handler; read by the caller once the state is DONE. */
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

    /**
     * Returns the handler's result, or throws what the handler threw. Called by the waiting thread, after the call was
     * run.
     */
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
