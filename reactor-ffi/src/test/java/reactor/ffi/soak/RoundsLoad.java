package reactor.ffi.soak;

import reactor.ffi.CallbackScheduler;
import reactor.ffi.fixture.Until;

/** A load that is the same round again and again, on a scheduler of its own; each call of C brings one value. */
abstract class RoundsLoad implements Load {

    final Faults faults;
    final Tally tally;
    final CallbackScheduler scheduler;
    final Rounds rounds;

    RoundsLoad(String name, Faults faults) {
        this.faults = faults;
        this.tally = new Tally(name);
        this.scheduler = Tally.scheduler(name);
        this.rounds = new Rounds(name, faults, this::round);
    }

    /** Leaves nobody subscribed. */
    abstract void round(long number) throws Exception;

    @Override
    public void start() {
        rounds.start();
    }

    @Override
    public void stop() throws InterruptedException {
        rounds.stop();
        scheduler.disposeGracefully().block(Until.LIMIT);
    }

    @Override
    public void check(Faults to) {
        tally.checkStream(to);
    }
}
