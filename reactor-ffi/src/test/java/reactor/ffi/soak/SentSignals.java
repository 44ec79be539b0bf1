package reactor.ffi.soak;

import java.util.concurrent.atomic.AtomicLong;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.NativeSignals;
import reactor.ffi.NativeSignals.Signal;
import reactor.ffi.fixture.Signaller;
import reactor.ffi.fixture.Until;

/** Signals of another process, and subscriptions to them that come and go. */
final class SentSignals extends RoundsLoad {

    /**
     * How long no signal is sent before USR1 is given back, in ms: a signal that is still on its way then would end the process, and
     * neither the kernel nor the JVM tells whether one is.
     */
    private static final long ON_ITS_WAY = 500;

    private final AtomicLong seen = new AtomicLong();
    private Disposable always;

    SentSignals(Faults faults) {
        super("signals", faults);
    }

    @Override
    public void start() {
        always = signals().subscribe();
        super.start();
    }

    private Flux<Signal> signals() {
        return tally.counting(NativeSignals.on(tally.options().on(scheduler), "USR1"), Signal.class);
    }

    @Override
    void round(long number) throws Exception {
        long before = seen.get();
        Disposable subscription =
                signals().subscribe(signal -> seen.incrementAndGet(), error -> faults.add(tally.name, error));
        Signaller.kill("USR1", 5);
        Until.that("a signal has come", () -> seen.get() > before);
        subscription.dispose();
        rounds.pause(ON_ITS_WAY);
    }

    @Override
    public void stop() throws InterruptedException {
        rounds.stop();
        Thread.sleep(ON_ITS_WAY);
        always.dispose();
        tally.awaitNoSubscriber();
        super.stop();
    }

    /** How many of those that were sent arrive is not said: they coalesce. */
    @Override
    public void check(Faults to) {
        tally.checkValues(to);
    }
}
