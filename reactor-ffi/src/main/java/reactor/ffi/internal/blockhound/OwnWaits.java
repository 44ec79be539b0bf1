package reactor.ffi.internal.blockhound;

import java.util.List;
import java.util.Map;
import reactor.blockhound.BlockHound;
import reactor.blockhound.integration.BlockHoundIntegration;

/**
 * Tells BlockHound which waits on a scheduler's thread are the library's own. It finds this by itself, as a service.
 *
 * <p>Each of these methods waits and does nothing else: nothing of a user's runs inside, so that whatever a subscriber, a
 * closure or a task waits for is still found. Where one of them may be run by other threads that must not block, it is a wait
 * that cannot be given up half-way.
 */
public final class OwnWaits implements BlockHoundIntegration {

    private static final String ROOMS = "reactor.ffi.internal.";

    /** Methods by class. */
    public static final Map<String, List<String>> METHODS = Map.ofEntries(
            // No work: the thread looks again after a moment, or sleeps.
            Map.entry(ROOMS + "loop.Idle", List.of("pause", "park")),
            // The turn is lent, and the thread that has it gives it back first.
            Map.entry(ROOMS + "loop.Baton", List.of("take")),
            // The answer of another scheduler, with the own turn lent.
            Map.entry(ROOMS + "loop.LoopThread", List.of("parkLent", "spinLent")),
            // A call that was begun uses the arguments of its caller, who must not go.
            Map.entry(ROOMS + "loop.Callers", List.of("awaitOver")),
            // Locks of a few instructions, in thread pools.
            Map.entry(ROOMS + "loop.Offload$Run", List.of("enqueue", "dequeue")),
            // A producer is between two instructions.
            Map.entry(ROOMS + "stream.NativeSubscription", List.of("awaitProducer")),
            // The end of a subscription, with the turn lent: handlers leave, a native loop returns, there is memory
            // again.
            Map.entry(ROOMS + "upcall.NativeThreads", List.of("awaitLeft")),
            Map.entry(ROOMS + "stream.NativeLoop", List.of("join")),
            Map.entry(ROOMS + "stream.Teardown", List.of("awaitMemory")));

    /** For the service loader. */
    public OwnWaits() {}

    @Override
    public void applyTo(BlockHound.Builder builder) {
        METHODS.forEach((type, methods) -> methods.forEach(method -> builder.allowBlockingCallsInside(type, method)));
    }
}
