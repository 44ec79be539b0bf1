package reactor.ffi.lifetimes;

import java.util.concurrent.atomic.AtomicLong;
import reactor.ffi.CFunction;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Pool;

/** One that answers C: each call by the handler, once, or by the fallback. */
abstract class AskedLife extends Life {

    final Checks checks;
    private final AtomicLong rightHere = new AtomicLong();
    private final AtomicLong fallbacksHere = new AtomicLong();

    AskedLife(World world, int id, Step step, Checks checks) {
        super(world, id, step);
        this.checks = checks;
    }

    static long fallback(int thread, long sequence, long at) {
        return Pool.FALLBACK;
    }

    @Override
    final void fire(Pool pool, int thread, int n) {
        pool.ask(thread, pointer(), n, id, argument());
    }

    @Override
    final void fireHere(int n) {
        OnAsk ask = CFunction.at(pointer(), OnAsk.class);
        for (int i = 0; i < n; i++) {
            callsHere.incrementAndGet();
            long answer = ask.onAsk(Step.THREADS, i, argument());
            (answer == Pool.FALLBACK ? fallbacksHere : rightHere).incrementAndGet();
            checks.holds(this + ": a wrong answer, " + answer, answer == Pool.FALLBACK || answer == i + argument());
        }
    }

    @Override
    void checkOwn(Checks found, Counted metrics) {
        world.outcomes.answers.add(handled.get());
        found.equal(this + ": right answers", world.pool.right(id) + rightHere.get(), handled.get());
        found.equal(
                this + ": fallbacks",
                world.pool.fallbacks(id) + fallbacksHere.get(),
                thrown.get() + metrics.lateCalls() + metrics.refusedCalls());
    }
}
