package reactor.ffi.internal.call;

import java.util.concurrent.TimeUnit;
import reactor.ffi.CallbackOptions;
import reactor.ffi.Confined;
import reactor.ffi.SchedulerOptions;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.loop.TurnCall;

/** A confined value that remembers what was done with it. On a real scheduler. */
final class ConfinedWitness {

    private static final LoopScheduler SCHEDULER = LoopScheduler.create(SchedulerOptions.named("jcstress"));
    private static final CallbackOptions OPTIONS =
            CallbackOptions.named("jcstress").on(SCHEDULER).keepAlive(false);

    /** What a use after the release counts as, so that it is no sum of right ones. */
    private static final int MISUSE = 100;

    private static final long LIMIT = TimeUnit.SECONDS.toNanos(10);

    final Confined<ConfinedWitness> first = Confined.create(OPTIONS, () -> this, ConfinedWitness::released);

    /** Written on the scheduler's thread only. */
    private volatile int uses;

    /** Written on the scheduler's thread only. */
    private volatile int releases;

    void used() {
        uses += releases == 0 ? 1 : MISUSE;
    }

    private void released() {
        releases++;
    }

    int uses() {
        return uses;
    }

    int releases() {
        return releases;
    }

    /** For ten seconds at most, and until what was still in the queue then has had its chance. */
    void awaitReleased() {
        long from = System.nanoTime();
        while (releases == 0 && System.nanoTime() - from < LIMIT) {
            Thread.yield();
        }
        boolean _ = SCHEDULER.callers().call(new Nothing(), LIMIT, true);
    }

    private static final class Nothing extends TurnCall {
        @Override
        protected void run() {}
    }
}
