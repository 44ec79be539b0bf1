package reactor.ffi.internal.loop;

import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import org.jctools.queues.varhandle.MpscUnboundedVarHandleArrayQueue;
import org.jspecify.annotations.Nullable;

/** Who waits for the turn: callers that want an answer, and borrowers that want to go on. */
final class Requests {

    /** What is queued. */
    sealed interface Request permits TurnCall, Resume {}

    /** A borrower that waits to go on after a lend of its own. */
    static final class Resume implements Request {

        final Thread thread = Thread.currentThread();

        /** It has gone on. Written and read under the baton. */
        boolean done;
    }

    private final MpscUnboundedVarHandleArrayQueue<Request> queue = new MpscUnboundedVarHandleArrayQueue<>(16);

    /** What a lend has gone through and left for afterwards. The owner's; older than what is in the queue. */
    private final ArrayDeque<Request> passedOver = new ArrayDeque<>();

    /** Any thread. With a full fence behind it. */
    void add(Request request) {
        queue.offer(request);
        VarHandle.fullFence();
    }

    // The rest is the owner's only.

    boolean isEmpty() {
        return passedOver.isEmpty() && queue.isEmpty();
    }

    @Nullable
    Request poll() {
        return passedOver.isEmpty() ? queue.relaxedPoll() : passedOver.poll();
    }

    /** Wakes all callers, each to claim its own call. Lets go of those that are over: the lend may be one of very many. */
    void wakeCallers() {
        passOver();
        passedOver.removeIf(request ->
                request instanceof TurnCall call ? !call.isWaiting() : request instanceof Resume resume && resume.done);
        for (Request request : passedOver) {
            if (request instanceof TurnCall call) {
                call.wake();
            }
        }
    }

    void refuseCalls() {
        passOver();
        passedOver.removeIf(request -> {
            if (request instanceof TurnCall call) {
                if (call.withdraw()) {
                    call.wake();
                }
                return true;
            }
            return false;
        });
    }

    private void passOver() {
        Request request;
        while ((request = queue.poll()) != null) {
            passedOver.add(request);
        }
    }
}
