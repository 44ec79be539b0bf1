package reactor.ffi.soak;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Hub;
import reactor.ffi.fixture.Until;

/** Subscriptions that come and go by the hundred a second, half of which native code goes on calling when they have gone. */
final class ShortSubscriptions implements Load {

    private static final int LIVE = 32;
    private static final long LATE = TimeUnit.MILLISECONDS.toNanos(200);

    private final Tally tally = new Tally("short subscriptions");
    private final CallbackScheduler scheduler = Tally.scheduler(tally.name);
    private final Hub hub = Hub.start(2, 4096, TimeUnit.MILLISECONDS.toNanos(1));
    private final ArrayDeque<Disposable> live = new ArrayDeque<>();
    private final Faults faults;
    private final Rounds rounds;

    ShortSubscriptions(Faults faults) {
        this.faults = faults;
        this.rounds = new Rounds("subscriptions", faults, this::subscribe);
    }

    @Override
    public void start() {
        rounds.start();
    }

    private void subscribe(long number) throws InterruptedException {
        Flux<Long> values = NativeFlux.create(
                tally.options().on(scheduler).overflow(Overflow.dropOldest(16)), sink -> register(sink, number));
        live.add(tally.counting(values, Long.class)
                .subscribe(id -> faults.equal("id of a value", id, number), error -> faults.add(tally.name, error)));
        if (live.size() > LIVE) {
            live.remove().dispose();
        }
        rounds.pause(3);
    }

    private void register(NativeSink<Long> sink, long number) {
        MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
            tally.handled.increment();
            faults.equal("id of a call", id, number);
            sink.next(id);
        });
        int entry = hub.add(pointer, number);
        if (entry < 0) {
            throw new IllegalStateException("the hub is full");
        }
        sink.onDispose(() -> {
            if (number % 2 == 0) {
                hub.remove(entry);
                sink.release(pointer);
            } else {
                hub.retire(entry, LATE);
            }
        });
    }

    @Override
    public void stop() throws InterruptedException {
        rounds.stop();
        live.forEach(Disposable::dispose);
        tally.awaitNoSubscriber();
        awaitNoLateCall();
        tally.calls.add(hub.calls() + hub.lateCalls());
        hub.close();
        scheduler.disposeGracefully().block(Until.LIMIT);
    }

    private void awaitNoLateCall() {
        long[] seen = {-1, System.nanoTime()};
        Until.that("late calls have ended", () -> {
            if (seen[0] != hub.lateCalls()) {
                seen[0] = hub.lateCalls();
                seen[1] = System.nanoTime();
            }
            return System.nanoTime() - seen[1] > 2 * LATE;
        });
    }

    @Override
    public void check(Faults to) {
        tally.checkStream(to);
    }
}
