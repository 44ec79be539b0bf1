package reactor.ffi.samples.benchmarks;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/** One event after 5 ms of silence, whose sequence number is the time of its call. */
final class Wakes {

    /** Registers a subscriber. */
    @FunctionalInterface
    interface Registration {
        /** Returns the pointer that C is to call. */
        MemorySegment subscribe(Consumer<Event> subscriber);
    }

    private final NativeSource source;
    private final Registration registration;
    private long[] delays = new long[0];
    private int received;
    private volatile CountDownLatch all = new CountDownLatch(0);
    private final AtomicReference<MemorySegment> pointer = new AtomicReference<>();

    Wakes(NativeSource source, Registration registration) {
        this.source = source;
        this.registration = registration;
    }

    /** The ns from each call to its event. */
    long[] run(int count) throws Throwable {
        if (pointer.get() == null) {
            pointer.set(registration.subscribe(this::received));
            run(Sleeps.WARM_UP, Sleeps.BRIEFLY);
        }
        return run(count, Duration.ofMillis(5));
    }

    private long[] run(int count, Duration silence) throws Throwable {
        delays = new long[count];
        received = 0;
        all = new CountDownLatch(1);
        source.startSilent(pointer.get(), count, silence);
        source.join();
        if (!all.await(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException("of " + count + " events " + received + " arrived in 60 s");
        }
        return delays;
    }

    private void received(Event event) {
        delays[received] = source.now() - event.sequence();
        if (++received == delays.length) {
            all.countDown();
        }
    }
}
