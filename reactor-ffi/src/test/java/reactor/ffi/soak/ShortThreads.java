package reactor.ffi.soak;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicReference;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Until;

/** Native threads that come, call once and go. */
final class ShortThreads implements Load {

    private static final int EACH = 20;

    private final Tally tally = new Tally("short threads");
    private final CallbackScheduler scheduler = Tally.scheduler(tally.name);
    private final AtomicReference<MemorySegment> pointer = new AtomicReference<>();
    private final Faults faults;
    private final Rounds rounds;
    private Disposable subscription;

    ShortThreads(Faults faults) {
        this.faults = faults;
        this.rounds = new Rounds("threads", faults, this::round);
    }

    @Override
    public void start() {
        Flux<Long> values = NativeFlux.create(
                tally.options().on(scheduler).overflow(Overflow.block(64, Until.LIMIT)), this::register);
        subscription =
                tally.counting(values, Long.class).subscribe(value -> {}, error -> faults.add(tally.name, error));
        rounds.start();
    }

    private void register(NativeSink<Long> sink) {
        pointer.set(tally.oneValueEach(sink));
    }

    private void round(long number) throws InterruptedException {
        tally.calls.add(Calls.fromShortLivedThreads(pointer.get(), EACH, 2, number));
        rounds.pause(5);
    }

    @Override
    public void stop() throws InterruptedException {
        rounds.stop();
        subscription.dispose();
        tally.awaitNoSubscriber();
        scheduler.disposeGracefully().block(Until.LIMIT);
    }

    @Override
    public void check(Faults to) {
        tally.checkStream(to);
    }
}
