package reactor.ffi.samples.kafka;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;

/**
 * The native sources: one pthread each, which fills an array of readings and has glibc call the callback for each element,
 * as the driver of a device does with what it has measured. No C compiler is needed.
 *
 * <p>{@code struct reading { int source; long sequence; long micros; float value; }}, 32 bytes.
 */
final class Sensors {

    private static final long SIZE = 32;
    private static final int SEQUENCE = 8;
    private static final int MICROS = 16;
    private static final int VALUE = 24;

    /** Most readings of one array. */
    private static final int BLOCK = 256;

    /** Arrays a second of a source with a rate. */
    private static final int BLOCKS_A_SECOND = 100;

    /** What {@code lfind} goes on at, and what every fallback differs from. */
    private static final int GO_ON = 1;

    private final int first;
    private final int sources;
    private final long each;
    private final long rate;

    /** How many readings C has called the callback for; each written by its source's thread. */
    private final AtomicLongArray sent;

    private volatile boolean stopped;

    /** Native threads that were started and not joined. */
    private final AtomicInteger threads = new AtomicInteger();

    /**
     * Describes sources that do not send yet.
     *
     * @param first the number of the first source
     * @param sources how many
     * @param each how many readings each sends
     * @param rate readings a second of each source; 0: as fast as it can
     */
    Sensors(int first, int sources, long each, long rate) {
        this.first = first;
        this.sources = sources;
        this.each = each;
        this.rate = rate;
        this.sent = new AtomicLongArray(sources);
    }

    /** The readings: subscribing starts the native threads, and the stream completes when the last of them has sent all. */
    Flux<Event> events(CallbackOptions options) {
        return NativeFlux.create(options, this::register);
    }

    private void register(NativeSink<Event> sink) throws Throwable {
        AtomicInteger running = new AtomicInteger(sources);
        MemorySegment onReading = sink.callback(Glibc.Compare.class, (key, reading) -> {
            sink.next(new Event(
                    reading.get(JAVA_INT, 0),
                    reading.get(JAVA_LONG, SEQUENCE),
                    reading.get(JAVA_LONG, MICROS),
                    reading.get(JAVA_FLOAT, VALUE)));
            return GO_ON;
        });
        NativeCallback<Glibc.StartRoutine> routine = NativeCallback.direct(Glibc.StartRoutine.class, argument -> {
            try {
                send((int) argument.address(), onReading);
            } catch (Throwable e) {
                sink.error(e);
            }
            if (running.decrementAndGet() == 0) {
                sink.complete();
            }
            return MemorySegment.NULL;
        });
        sink.onDispose(routine::close);
        for (int i = 0; i < sources; i++) {
            long thread = Glibc.startThread(routine.pointer(), MemorySegment.ofAddress(i));
            threads.incrementAndGet();
            sink.onDispose(() -> {
                Glibc.join(thread);
                threads.decrementAndGet();
            });
        }
        sink.onDispose(this::stop);
    }

    /** Tells the native threads to send no more; the stream completes after what they have sent. Any thread. */
    void stop() {
        stopped = true;
    }

    /** How many sources there are. */
    int sources() {
        return sources;
    }

    /** The number of the first source. */
    int first() {
        return first;
    }

    /** How many native threads there are; none once the stream has ended. */
    int threads() {
        return threads.get();
    }

    /** How many readings C has called the callback for. Exact once the stream has ended. */
    long sent(int index) {
        return sent.get(index);
    }

    /** The same, of all sources. */
    long sent() {
        long all = 0;
        for (int i = 0; i < sources; i++) {
            all += sent.get(i);
        }
        return all;
    }

    /** The life of a native thread. */
    private void send(int index, MemorySegment onReading) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment readings = arena.allocate(SIZE * BLOCK, 8);
            MemorySegment count = arena.allocate(JAVA_LONG);
            long begin = System.nanoTime();
            for (long done = 0; done < each && !stopped; ) {
                int n = (int) Math.min(each - done, rate == 0 ? BLOCK : Math.clamp(rate / BLOCKS_A_SECOND, 1, BLOCK));
                if (rate > 0) {
                    await(begin + (long) (done * 1e9 / rate));
                }
                fill(readings, index, done, n);
                count.set(JAVA_LONG, 0, n);
                long called = Glibc.forEach(readings, count, SIZE, onReading);
                done += called;
                sent.setRelease(index, done);
                if (called < n) { // a fallback has answered: the stream is over
                    return;
                }
            }
        }
    }

    private void await(long due) {
        for (long wait = due - System.nanoTime(); wait > 0 && !stopped; wait = due - System.nanoTime()) {
            LockSupport.parkNanos(wait);
        }
    }

    private void fill(MemorySegment readings, int index, long sequence, int n) {
        long micros = ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
        for (int i = 0; i < n; i++) {
            long at = i * SIZE;
            readings.set(JAVA_INT, at, first + index);
            readings.set(JAVA_LONG, at + SEQUENCE, sequence + i);
            readings.set(JAVA_LONG, at + MICROS, micros + i);
            readings.set(JAVA_FLOAT, at + VALUE, 20 + (sequence + i) * 7 % 100 / 10f);
        }
    }
}
