package reactor.ffi.soak;

import java.lang.foreign.MemorySegment;
import reactor.core.Disposable;
import reactor.core.Exceptions;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Until;
import reactor.util.retry.Retry;

/** Native threads that fire without a pause into a stream; where its policy ends it, the next one begins. */
final class FullSpeedStream implements Load {

    private final Faults faults;
    private final Tally tally;
    private final Overflow overflow;
    private final int threads;
    private final CallbackScheduler scheduler;
    private Disposable subscription;

    FullSpeedStream(Faults faults, Overflow overflow, int threads) {
        this.faults = faults;
        this.tally = new Tally("stream " + overflow.policy());
        this.overflow = overflow;
        this.threads = threads;
        this.scheduler = Tally.scheduler(tally.name);
    }

    @Override
    public void start() {
        Flux<Long> values = NativeFlux.create(tally.options().on(scheduler).overflow(overflow), this::register);
        subscription = tally.counting(values, Long.class)
                .retryWhen(Retry.indefinitely().filter(this::isMeantTo))
                .subscribe(value -> {}, error -> faults.add(tally.name, error));
    }

    private boolean isMeantTo(Throwable error) {
        return overflow.policy() == Overflow.Policy.ERROR && Exceptions.isOverflow(error);
    }

    private void register(NativeSink<Long> sink) {
        MemorySegment pointer = tally.oneValueEach(sink);
        Source source = Source.events(pointer, 0).start(threads, -1, 0);
        sink.onDispose(() -> tally.end(source, sink, pointer));
    }

    @Override
    public void stop() {
        subscription.dispose();
        tally.awaitNoSubscriber();
        scheduler.disposeGracefully().block(Until.LIMIT);
    }

    @Override
    public void check(Faults to) {
        tally.checkStream(to);
    }
}
