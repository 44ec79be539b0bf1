package reactor.ffi.lifetimes;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.fixture.Pool;

/** Something that is made, called by native threads, and ends: and the model of it, which counts what has to add up. */
abstract class Life {

    final World world;
    final int id;
    final String name;
    final int variety;

    /** Whether its pointer is shared, and C hands its user data back; else it has a stub of its own. */
    final boolean routed;

    /** Handlers that have returned. */
    final AtomicLong handled = new AtomicLong();

    /** Handlers that have thrown, as planned. */
    final AtomicLong thrown = new AtomicLong();

    /** Calls on the scheduler's thread, which the pool does not count. */
    final AtomicLong callsHere = new AtomicLong();

    /** The next handler throws. */
    private final AtomicBoolean throwing = new AtomicBoolean();

    private final Counted before;

    Life(World world, int id, Step step) {
        this.world = world;
        this.id = id;
        this.name = "life-" + world.number + "-" + id;
        this.variety = step.amount();
        this.routed = step.thread() % 2 == 1;
        this.before = Counted.of(name);
    }

    CallbackOptions options() {
        return CallbackOptions.named(name).on(world.scheduler).onError(world::error);
    }

    /** The first line of every handler. */
    final void maybeThrow() {
        if (throwing.compareAndSet(true, false)) {
            thrown.incrementAndGet();
            throw new Planned();
        }
    }

    /** Null where it could not be made. */
    abstract MemorySegment pointer();

    /** What C was given with the pointer. Null where the pointer could not be made. */
    abstract MemorySegment userData();

    /** The last argument of each call: the user data, or of a stub of its own just the id. */
    final long argument() {
        return routed ? userData().address() : id;
    }

    /** The first thing that every handler looks at. */
    final void checkArgument(Checks checks, long argument) {
        if (argument != argument()) {
            checks.broken(this + ": a call of another: " + Long.toHexString(argument));
        }
    }

    <F> CallbackType<F> type(Class<F> type) {
        return routed ? CallbackType.of(type).userData(2) : CallbackType.of(type);
    }

    abstract void fire(Pool pool, int thread, int n);

    abstract void fireHere(int n);

    /** Cancel, or close. */
    abstract void end();

    /** After the end: waits until it is over; false if that takes too long. */
    abstract boolean awaitOver();

    /** Native code is done with it. */
    abstract void release();

    abstract void checkOwn(Checks checks, Counted metrics);

    void throwNext(int amount) {
        throwing.set(true);
    }

    void request(int n) {}

    void complete() {}

    void fail() {}

    void ref(Checks checks) {}

    void unref(Checks checks) {}

    /**
     * All is quiet: what was counted here, in C and by the library is the same. Returns how many calls count for no source,
     * because the index of their user data has had a life since.
     */
    final long check(Checks checks) {
        Counted metrics = Counted.of(name).minus(before);
        world.outcomes.add(metrics);
        long calls = world.pool.calls(id) + callsHere.get();
        long counted = handled.get() + thrown.get() + metrics.lateCalls() + metrics.refusedCalls();
        if (mayBeUnknown()) {
            checks.holds(this + ": " + counted + " calls are counted, and " + calls + " were made", counted <= calls);
        } else {
            checks.equal(this + ": calls = handled + failed + late + refused", calls, counted);
        }
        checks.equal(this + ": failed calls", metrics.failedCalls(), thrown.get());
        checks.equal(this + ": wrong answers", world.pool.wrong(id), 0);
        checkOwn(checks, metrics);
        return calls - counted;
    }

    /** Whether calls after the end may come when the user data is that of nothing: where no fallback keeps the index. */
    boolean mayBeUnknown() {
        return false;
    }

    @Override
    public String toString() {
        return getClass().getSimpleName() + " " + id + " (variety " + variety + (routed ? ", routed)" : ")");
    }
}
