package reactor.ffi.internal.loop;

import org.jspecify.annotations.Nullable;

/** Who waits for the turn: callers that want an answer, and borrowers that want to go on. */
final class Requests {

    /** What is queued. */
    abstract static sealed class Request extends MpscQueue.Item permits TurnCall, Resume {}

    /** A borrower that waits to go on after a lend of its own. */
    static final class Resume extends Request {

        final Thread thread = Thread.currentThread();

        /** It has gone on. Written and read under the baton. */
        boolean done;
    }

    /** The owner is its consumer. A lend goes through it, and leaves what is in it for afterwards. */
    private final MpscQueue<Request> queue = new MpscQueue<>();

    /** Any thread. With the effects of a volatile write. */
    void add(Request request) {
        queue.offer(request);
    }

    // The rest is the owner's only.

    boolean isEmpty() {
        return queue.isEmpty();
    }

    @Nullable
    Request poll() {
        return queue.poll();
    }

    /** Wakes all callers, each to claim its own call. Lets go of those that are over: the lend may be one of very many. */
    void wakeCallers() {
        queue.removeIf(Requests::wakeOrLetGo);
    }

    private static boolean wakeOrLetGo(Request request) {
        if (request instanceof TurnCall call) {
            boolean waiting = call.isWaiting();
            if (waiting) {
                call.wake();
            }
            return !waiting;
        }
        return request instanceof Resume resume && resume.done;
    }

    void refuseCalls() {
        queue.removeIf(Requests::refuse);
    }

    private static boolean refuse(Request request) {
        if (!(request instanceof TurnCall call)) {
            return false;
        }
        if (call.withdraw()) {
            call.wake();
        }
        return true;
    }
}
