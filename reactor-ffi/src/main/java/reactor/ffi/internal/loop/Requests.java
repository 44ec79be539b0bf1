package reactor.ffi.internal.loop;

import org.jspecify.annotations.Nullable;

/** The threads that wait for the turn: callers that want an answer, and borrowers that want to go on. */
final class Requests {

    /** A request for the turn. */
    abstract static sealed class Request extends MpscQueue.Item permits TurnCall, Resume {}

    /** A borrower that waits to go on after a lend of its own. */
    static final class Resume extends Request {

        final Thread thread = Thread.currentThread();

        /** Whether the borrower has gone on. Accessed under the baton only. */
        boolean done;
    }

    /**
     * The owner of the turn is the consumer. A lend looks at all requests, and leaves those that still wait for
     * afterwards.
     */
    private final MpscQueue<Request> queue = new MpscQueue<>();

    /** Adds a request. Any thread. With the effects of a volatile write. */
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

    /**
     * Wakes all callers, each to claim its own call. Removes the requests that are over, because the lend may
     * be one of very many.
     */
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

    /** Withdraws the calls that have not begun, and sends their callers away. */
    void abandonCalls() {
        queue.removeIf(Requests::abandon);
    }

    private static boolean abandon(Request request) {
        if (!(request instanceof TurnCall call)) {
            return false;
        }
        call.abandon();
        return true;
    }
}
