package reactor.ffi.samples.benchmarks;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The subscriber of every contender: counts and sums what arrives, on one thread, and takes the time of the last event. A
 * round whose events did not all arrive, each once, is an error.
 */
final class Tally implements Consumer<Event>, Event.OnEvent {

    private final NativeSource source;
    private long expected;
    private long count;
    private long sequences;
    private double values;
    private volatile long lastNanos;
    private volatile CountDownLatch all = new CountDownLatch(0);

    Tally(NativeSource source) {
        this.source = source;
    }

    /** Before the native threads start: so many events of all of them together. */
    void expect(long events) {
        expected = events;
        count = 0;
        sequences = 0;
        values = 0;
        all = new CountDownLatch(1);
    }

    @Override
    public void accept(Event event) {
        event(event.sequence(), event.value());
    }

    /** An event that nobody has made an object of. */
    @Override
    public void event(long sequence, double value) {
        sequences += sequence;
        values += value;
        if (++count == expected) {
            lastNanos = source.now();
            all.countDown();
        }
    }

    /**
     * Waits for the last event, and checks all of them.
     *
     * @return the time of the last event
     */
    long await(int threads) throws InterruptedException {
        awaitLast();
        check(threads, expected / threads, sequences, values);
        return lastNanos;
    }

    /** Waits for the last event of one thread, each with the same value. */
    void awaitEqual(double value) throws InterruptedException {
        awaitLast();
        if (sequences != expected * (expected - 1) / 2 || values != expected * value) {
            throw new IllegalStateException("the sums of " + expected + " events are wrong: " + sequences + " and "
                    + values + "; events were lost, doubled or changed");
        }
    }

    private void awaitLast() throws InterruptedException {
        if (!all.await(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException("of " + expected + " events " + count + " arrived in 60 s");
        }
    }

    /** The sums of threads that each sent {@code each} events, as source.c numbers them. */
    static void check(int threads, long each, long sequences, double values) {
        long lower = each * (each - 1) / 2;
        long upper = (long) threads * (threads - 1) / 2 * each;
        long expected = (upper << 32) + threads * lower;
        if (sequences != expected || values != threads * lower * 0.5) {
            throw new IllegalStateException("the sums of " + threads + " times " + each + " events are " + sequences
                    + " and " + values + ", not " + expected + " and " + threads * lower * 0.5
                    + ": events were lost, doubled or changed");
        }
    }
}
